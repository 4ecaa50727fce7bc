"""The kit as one command, against programs: this project's adapter, whole and with a check taken away."""

import json
import re
import subprocess
import sys

import pytest

from client.protocol.reasons import Reason
from tests.hostile import vectors
from tests.hostile.__main__ import attack_table
from tests.hostile.attack import CONTROLS
from tests.hostile.attacks import ATTACKS
from tests.hostile.players import own_command
from tests.live import REPOSITORY


def kit(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.hostile", *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def only(*attacks: str) -> list[str]:
    return [word for attack in attacks for word in ("--only", attack)]


@pytest.mark.needs("gnupg")
def test_the_command_passes_with_this_projects_client() -> None:
    attacks = ["none", "none_by_qr", "swapped_keys", "own_key", "uninvited_qr", "late_reveal", "early_ack"]
    done = kit("--new", own_command(), "--existing", own_command(), *only(*attacks))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(attacks) + 2} passed, 0 failed, 0 left out" in done.stdout


@pytest.mark.needs("gnupg")
@pytest.mark.parametrize(
    ("check", "attack"),
    [
        ("check_return_code", "own_key"),
        ("check_code", "swapped_keys"),
        ("check_attempts", "silent_aborts_of_existing"),
        ("no_server_text", "misleading_error_to_new"),
    ],
)
def test_the_command_fails_with_a_client_whose_check_is_removed(check: str, attack: str) -> None:
    careless = own_command(lacks=check)
    done = kit("--new", careless, "--existing", careless, *only("none", attack))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "3 passed, 1 failed, 0 left out" in done.stdout
    assert any(line.startswith(attack) and "FAIL" in line for line in done.stdout.splitlines())


def test_a_program_that_only_refuses_does_not_pass() -> None:
    refuses = f"{sys.executable} -c pass"
    done = kit("--new", refuses, "--existing", refuses, *only("none", "own_key"))
    assert done.returncode == 1
    assert "0 passed, 4 failed" in done.stdout


def test_a_program_that_never_answers_does_not_pass_and_does_not_stop_the_kit() -> None:
    silent = f"{sys.executable} -c 'import sys; sys.stdin.read()'"
    done = kit("--timeout", "1", "--new", silent, "--existing", silent, *only("none", "own_key"))
    assert done.returncode == 1
    assert "0 passed, 4 failed" in done.stdout
    assert "no end after 1 seconds" in done.stdout


def test_a_program_that_is_not_there_does_not_pass() -> None:
    done = kit("--new", "/nowhere/client", "--existing", "/nowhere/client", *only("none", "own_key"))
    assert done.returncode == 1
    assert "0 passed, 4 failed" in done.stdout
    assert "cannot be started" in done.stdout


# Knows the whole contract, and is deaf to everything that matters.
SAYS_WHAT_IS_WANTED = """
import json, sys
for line in sys.stdin:
    match json.loads(line):
        case {"do": "quit"}:
            break
        case {"do": "vector", "inputs": inputs}:
            wrong = {"code": "000000", "return_code": "0000"}
            print(json.dumps({"event": "vector", "values": wrong}), flush=True)
        case {"do": "keys"}:
            print(json.dumps({"event": "keys", "fingerprints": []}), flush=True)
        case {"do": "ask"}:
            print(json.dumps({"event": "ended", "reason": "bad_key"}), flush=True)
        case {"do": "register" | "login"}:
            print(json.dumps({"event": "fault", "text": "not today"}), flush=True)
"""


def test_a_program_with_other_values_than_the_published_ones_fails() -> None:
    wrong = f"{sys.executable} -c {json.dumps(SAYS_WHAT_IS_WANTED)}".replace("\\n", "\n")
    done = kit("--new", wrong, "--existing", wrong, *only("own_key"))
    assert done.returncode == 1
    assert "code is '000000'" in done.stdout
    assert "not today" in done.stdout


def test_an_attack_that_nobody_knows_is_a_wrong_command_line() -> None:
    assert kit("--new", "x", "--existing", "x", "--only", "nonsense").returncode == 2
    assert kit("--new", "x").returncode == 2


def test_the_list_names_every_attack() -> None:
    listed = {line.split()[0] for line in kit("list").stdout.splitlines()}
    assert listed == {attack.name for attack in (*CONTROLS, *ATTACKS)}


def test_the_published_vectors_follow_from_their_inputs() -> None:
    done = kit("vectors")
    assert done.returncode == 0
    assert f"{len(vectors.cases())} exchanges, 0 wrong values" in done.stdout
    for case in vectors.cases():
        assert case["code"] in done.stdout


def test_a_wrong_value_is_noticed() -> None:
    case = vectors.cases()[0]
    right = vectors.work_out(case["inputs"])
    assert list(vectors.differences(case, right)) == []
    assert len(list(vectors.differences(case, right | {"prk": "00"}))) == 1
    assert len(list(vectors.differences(case, {}))) == 2


def test_the_page_for_authors_of_clients_has_the_table_of_attacks() -> None:
    assert attack_table() in (REPOSITORY / "docs" / "hostile-relay.md").read_text()


def test_the_page_for_authors_of_clients_names_every_reason_that_ends_an_attack() -> None:
    page = (REPOSITORY / "docs" / "hostile-relay.md").read_text()
    reasons = page.partition("## Reasons")[2].partition("## The attacks")[0]
    assert [attack.ending for attack in ATTACKS if f"`{attack.ending}`" not in reasons] == []
    for attack in ATTACKS:
        row = next(line for line in reasons.splitlines() if f"`{attack.ending}`" in line)
        if attack.ending.cancel is not None and attack.ending is not Reason.USER:
            assert f"`{attack.ending.cancel}`" in row.split("|")[3]


def test_the_page_for_authors_of_clients_names_every_command_and_event_of_the_adapter() -> None:
    page = (REPOSITORY / "docs" / "hostile-relay.md").read_text()
    adapter = (REPOSITORY / "tests" / "hostile" / "adapter.py").read_text()
    events = set(re.findall(r'"event": "(\w+)"', adapter))
    assert {"code", "ask", "ended"} <= events
    assert [event for event in events if f'"event": "{event}"' not in page] == []
