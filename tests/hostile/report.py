"""Plays every attack against a client and says, line by line, how it stood."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tests.hostile import vectors
from tests.hostile.attack import CONTROLS, Attack
from tests.hostile.attacks import ATTACKS
from tests.hostile.outcome import expected, objections
from tests.hostile.players import Body, Player
from tests.hostile.sockets import LeftOut, SocketStage
from tests.hostile.world import Role

PASS, FAIL, LEFT_OUT = "pass", "FAIL", "left out"

Cast = Callable[[Role], Player]


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    expected: str
    seen: str
    verdict: str

    def text(self) -> str:
        """The line, in columns."""
        return f"{self.name:<32}  {self.expected:<18}  {self.verdict:<8}  {self.seen}"


HEADING = Row("attack", "expected", "seen", "verdict").text()


def known(names: Sequence[str]) -> list[type[Attack]]:
    """The attacks and controls of these names, all for none. `LookupError` for a name that is none."""
    every: dict[str, type[Attack]] = {one.name: one for one in (*CONTROLS, *ATTACKS)}
    for name in names:
        if name not in every:
            raise LookupError(f"there is no attack {name!r}")
    return [every[name] for name in names or every]


async def attacked(attack: type[Attack], cast: Cast, time: float) -> Row:
    """One attack, played."""
    try:
        outcome = await SocketStage(attack, cast, time=time).play()
    except LeftOut as left_out:
        return Row(attack.name, expected(attack), str(left_out), LEFT_OUT)
    found = objections(outcome)
    return Row(
        attack.name,
        expected(attack),
        "; ".join(found) if found else outcome.last_ending,
        FAIL if found else PASS,
    )


async def against_vectors(role: Role, cast: Cast, time: float) -> Row:
    """Whether the client works out the published values. It may say that it cannot be asked."""
    said: asyncio.Queue[Body] = asyncio.Queue()
    player = cast(role)
    differing: list[str] = []
    verdict = PASS
    try:
        async with asyncio.timeout(time):
            await player.start(role, said.put_nowait)
            for case in vectors.cases():
                player.send({"do": "vector", "inputs": case["inputs"]})
                answer = await said.get()
                while answer["event"] not in ("vector", "unable", "gone"):
                    answer = await said.get()
                if answer["event"] != "vector":
                    verdict = LEFT_OUT if answer["event"] == "unable" else FAIL
                    differing = ["the client cannot be asked" if verdict == LEFT_OUT else "the program ended"]
                    break
                differing += vectors.differences(case, answer["values"])
    except TimeoutError:
        differing.append("no answer")
    except OSError as fault:
        differing.append(f"the program cannot be started ({fault.strerror})")
    finally:
        await player.stop()
    if differing and verdict == PASS:
        verdict = FAIL
    return Row(f"vectors ({role})", "the same values", "; ".join(differing) or "the same values", verdict)


async def every_row(
    attacks: Iterable[type[Attack]], cast: Cast, *, time: float, at_once: int, show: Callable[[Row], None]
) -> list[Row]:
    """The vectors and then the attacks, shown in their order, `at_once` of them played side by side."""
    gate = asyncio.Semaphore(at_once)

    async def in_turn(attack: type[Attack]) -> Row:
        async with gate:
            return await attacked(attack, cast, time)

    rows = []
    for role in ("new", "existing"):
        rows.append(await against_vectors(role, cast, time))
        show(rows[-1])
    for playing in [asyncio.create_task(in_turn(attack)) for attack in attacks]:
        rows.append(await playing)
        show(rows[-1])
    return rows
