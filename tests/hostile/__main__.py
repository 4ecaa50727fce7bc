"""A hostile server for any client of the protocol; docs/hostile-relay.md says how clients are put to it.

python -m tests.hostile --new "COMMAND" --existing "COMMAND"   attack a client
python -m tests.hostile list                                   the attacks
python -m tests.hostile vectors                                every value of the published exchanges
"""

# ruff: noqa: T201  (a command: what it prints is what it is for)

import argparse
import asyncio
import sys

from tests.hostile import report, vectors
from tests.hostile.attack import CONTROLS
from tests.hostile.attacks import ATTACKS
from tests.hostile.players import Program
from tests.hostile.sockets import TIME
from tests.hostile.world import Role


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.hostile",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=["run", "list", "vectors"], default="run")
    parser.add_argument("--new", metavar="COMMAND", help="the client in the role of the new device")
    parser.add_argument("--existing", metavar="COMMAND", help="the client in the role of the existing device")
    parser.add_argument("--only", metavar="ATTACK", action="append", default=[], help="this attack only")
    parser.add_argument("--timeout", type=float, default=TIME, help="seconds for one attack")
    parser.add_argument("--at-once", type=int, default=2, help="attacks played side by side")
    return parser


def list_attacks() -> int:
    """The attacks with what stands against each."""
    for attack in (*CONTROLS, *ATTACKS):
        print(f"{attack.name:<32}  {attack.story()}")
    return 0


def attack_table() -> str:
    """The attacks as the table of docs/hostile-relay.md."""
    rows = [f"| `{control.name}` | {control.story()} | | `done` | |" for control in CONTROLS]
    rows += [
        f"| `{attack.name}` | {attack.story()} | {attack.victim} | `{attack.ending}` | `{attack.check}` |"
        for attack in ATTACKS
    ]
    heading = "| attack | what the server does | attacked | ending | rule |\n| --- | --- | --- | --- | --- |"
    return "\n".join([heading, *rows])


def show_vectors() -> int:
    """Every value, worked out from the inputs and compared with the file."""
    wrong = 0
    for case in vectors.cases():
        print(f"{case['name']}:")
        values = vectors.work_out(case["inputs"])
        for name, value in values.items():
            print(f"    {name:<24}{value}")
        for difference in vectors.differences(case, values):
            print(f"    WRONG: {difference}")
            wrong += 1
    print(f"{len(vectors.cases())} exchanges, {wrong} wrong values")
    return 1 if wrong else 0


def run(given: argparse.Namespace) -> int:
    """Attack the client; 1 if it failed to stand anything."""
    commands: dict[Role, str] = {"new": given.new, "existing": given.existing}
    attacks = report.known(given.only)
    print(report.HEADING, flush=True)
    rows = asyncio.run(
        report.every_row(
            attacks,
            lambda role: Program(commands[role]),
            time=given.timeout,
            at_once=given.at_once,
            show=lambda row: print(row.text(), flush=True),
        )
    )
    failed = [row.name for row in rows if row.verdict == report.FAIL]
    left_out = [row.name for row in rows if row.verdict == report.LEFT_OUT]
    print(
        f"\n{len(rows) - len(failed) - len(left_out)} passed, {len(failed)} failed, {len(left_out)} left out"
    )
    return 1 if failed else 0


def main() -> int:
    """The command."""
    parser = arguments()
    given = parser.parse_args()
    if given.what == "list":
        return list_attacks()
    if given.what == "vectors":
        return show_vectors()
    if not given.new or not given.existing:
        parser.error("--new and --existing are needed")
    try:
        return run(given)
    except LookupError as fault:
        parser.error(str(fault))


if __name__ == "__main__":
    sys.exit(main())
