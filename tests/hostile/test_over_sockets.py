"""Every attack against the whole client: real sockets, real GnuPG, and a server that is the adversary."""

import pytest

from tests.hostile.attack import CONTROLS, Attack, Honest
from tests.hostile.attacks import ATTACKS
from tests.hostile.outcome import Outcome, objections
from tests.hostile.players import OwnClient
from tests.hostile.sockets import SocketStage

pytestmark = pytest.mark.needs("gnupg")

by_name = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)


async def play(attack: type[Attack], *, lacks: str | None = None) -> Outcome:
    return await SocketStage(attack, lambda role: OwnClient(lacks=lacks)).play()


@by_name
async def test_the_client_stands_the_attack_and_its_key_ring_is_empty(attack: type[Attack]) -> None:
    outcome = await play(attack)
    assert outcome.last_ending == attack.ending
    assert outcome.held == []
    assert outcome.attack.loot == []
    assert objections(outcome) == []


@by_name
async def test_the_attack_succeeds_against_the_client_without_that_one_check(attack: type[Attack]) -> None:
    outcome = await play(attack, lacks=attack.check)
    assert outcome.reached is not None


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
async def test_without_an_attack_the_key_arrives(control: type[Honest]) -> None:
    outcome = await play(control)
    assert objections(outcome) == []
    assert outcome.attack.world.truth is not None
    assert outcome.held == [outcome.attack.world.truth.fingerprint]
