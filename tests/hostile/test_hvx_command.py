"""The `hvx` command, as a user types and reads it, against a server that is the adversary."""

from collections.abc import Sequence

import pytest

from client.cli.exits import Exit, ending_of
from client.protocol.frames import Accept, Sealed
from client.protocol.reasons import Reason
from tests.hostile.attack import CONTROLS, NO_SERVER_TEXT, Attack
from tests.hostile.attacks.by_accept import SilentAbortsOfNew, UninvitedQR
from tests.hostile.attacks.by_delivery import OwnKey, SwappedSubkey
from tests.hostile.attacks.by_request import QROfAnotherCommitment, SilentAbortsOfExisting
from tests.hostile.attacks.in_the_middle import SwappedKeys
from tests.hostile.attacks.misleading import MARK, MISLEADING
from tests.hostile.hvx_command import HvxCommand
from tests.hostile.impostors import AsExisting, AsNew
from tests.hostile.outcome import Outcome, objections
from tests.hostile.sockets import SocketStage
from tests.hostile.world import Role

pytestmark = pytest.mark.needs("gnupg")


class MisleadingRefusalOfNew(AsExisting):
    """Hangs up on the new device and refuses it by words that tell its user what to do."""

    name = "misleading_refusal_of_new"
    check = NO_SERVER_TEXT
    ending = Reason.CONNECTION_LOST

    def on_prove(self, sealed: Sealed) -> None:
        assert isinstance(self.stage, SocketStage)
        self.stage.refuse("new", MARK)

    def seen(self, role: Role, text: str) -> None:
        if MARK in text:
            self.win("the user read what the server said")


class MisleadingRefusalOfExisting(AsNew):
    """Hangs up on the existing device and refuses it by words that tell its user what to do."""

    name = "misleading_refusal_of_existing"
    check = NO_SERVER_TEXT
    ending = Reason.CONNECTION_LOST

    def on_accept(self, accept: Accept) -> None:
        assert isinstance(self.stage, SocketStage)
        self.stage.refuse("existing", MARK)

    def seen(self, role: Role, text: str) -> None:
        if MARK in text:
            self.win("the user read what the server said")


TRIED: tuple[type[Attack], ...] = (
    *CONTROLS,
    SwappedKeys,
    OwnKey,
    SwappedSubkey,
    UninvitedQR,
    SilentAbortsOfNew,
    SilentAbortsOfExisting,
    QROfAnotherCommitment,
    *MISLEADING,
)


REFUSALS: tuple[type[Attack], ...] = (MisleadingRefusalOfNew, MisleadingRefusalOfExisting)

# The command without its rule for refusals in the middle of a handoff.
CARELESS = """
import contextlib
from client.cli import app, handing

@contextlib.asynccontextmanager
async def any_words():
    yield

handing._fixed_words = any_words
app.main()
"""


async def play(attack: type[Attack], program: Sequence[str] = ("-m", "client")) -> Outcome:
    return await SocketStage(attack, lambda role: HvxCommand(attack, program)).play()


@pytest.mark.parametrize("attack", TRIED, ids=lambda attack: attack.name)
async def test_the_command_stands_the_attack(attack: type[Attack]) -> None:
    assert objections(await play(attack)) == []


@pytest.mark.parametrize("attack", REFUSALS, ids=lambda attack: attack.name)
async def test_no_refusals_text_is_shown_while_a_code_is_on_the_screen(attack: type[Attack]) -> None:
    outcome = await play(attack)
    assert outcome.reached is None
    assert outcome.held == []
    assert outcome.endings[attack.victim] == [f"exit code {Exit.SERVER_REFUSED:d}"]


@pytest.mark.parametrize("attack", REFUSALS, ids=lambda attack: attack.name)
async def test_a_command_without_that_rule_shows_the_refusals_text(attack: type[Attack]) -> None:
    assert (await play(attack, ("-c", CARELESS))).reached == "the user read what the server said"


def test_each_reason_has_a_sentence_that_names_nothing_from_outside() -> None:
    for reason in Reason:
        for by in ("self", "peer", "server"):
            ending = ending_of(reason, by)
            assert ending.sentence.endswith(".")
            assert ending.exit_code is not Exit.DONE
