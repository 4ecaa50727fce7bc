"""Every attack against the client's two sides as pure machines, and against sides that lack one check."""

import inspect

import pytest

from client.protocol.existing_device import ExistingDevice
from client.protocol.keyexchange import ZERO_POINT, shared_secret
from client.protocol.new_device import NewDevice
from tests.hostile.attack import CONTROLS, NO_SERVER_TEXT, Attack, Honest
from tests.hostile.attacks import ATTACKS
from tests.hostile.attacks.by_accept import LowOrderPointToNew
from tests.hostile.attacks.by_reveal import LowOrderPointToExisting
from tests.hostile.careless import without
from tests.hostile.memory import MemoryStage
from tests.hostile.outcome import Outcome, objections
from tests.hostile.world import Puppet, World, seeded

# Worlds in which a search for a code, a million tries on average, is over soon.
SEEDS = {
    "commitment_opened_wrongly": "commitment_opened_wrongly 21",
    "second_request": "second_request 41",
    "second_accept": "second_accept 22",
}

# RFC 7748 §6.1 and §7; all points of small order in their canonical form and above the prime.
P = 2**255 - 19
OF_ORDER_EIGHT = 325606250916557431795983626356110631294008115727848805560023387167927233504
LOW_ORDER_POINTS = [
    number.to_bytes(32, "little")
    for number in (
        0,
        1,
        OF_ORDER_EIGHT,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        P - 1,
        P,
        P + 1,
    )
]

# Rules that other rules stand on, and one whose breaker would have to hold the key already.
NOT_ATTACKED_ALONE = {"check_digits", "check_signature", "check_ack"}

by_name = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)


def play(attack: type[Attack], *, lacks: str | None = None) -> Outcome:
    return MemoryStage(attack, lacks=lacks, seed=SEEDS.get(attack.name, "")).play()


@by_name
def test_the_attack_is_stood_and_ends_for_the_right_reason(attack: type[Attack]) -> None:
    outcome = play(attack)
    assert outcome.last_ending == attack.ending
    assert outcome.held == []
    assert outcome.attack.loot == []
    assert objections(outcome) == []


@by_name
def test_the_attack_succeeds_against_a_client_without_that_one_check(attack: type[Attack]) -> None:
    outcome = play(attack, lacks=attack.check)
    assert outcome.reached is not None
    assert objections(outcome) != []


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_without_an_attack_the_new_device_has_the_account_key(control: type[Honest]) -> None:
    outcome = MemoryStage(control).play()
    assert outcome.attack.world.truth is not None
    assert outcome.held == [outcome.attack.world.truth.fingerprint]
    assert objections(outcome) == []


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_a_client_that_never_takes_the_key_does_not_pass(control: type[Honest]) -> None:
    class Deaf(control):  # type: ignore[misc, valid-type]
        def on_reveal(self, reveal: object) -> None:
            pass

    assert "the new device does not hold the account key" in objections(MemoryStage(Deaf).play())


@pytest.mark.parametrize("point", LOW_ORDER_POINTS, ids=range(len(LOW_ORDER_POINTS)))
@pytest.mark.parametrize("attack", [LowOrderPointToNew, LowOrderPointToExisting], ids=lambda one: one.name)
def test_every_point_of_low_order_is_refused(
    attack: type[LowOrderPointToNew | LowOrderPointToExisting], point: bytes
) -> None:
    assert (
        shared_secret(Puppet.of(World("https://a.example", seeded("any"))).ephemeral_key, point) == ZERO_POINT
    )
    with_point: type[Attack] = type(attack.__name__, (attack,), {"point": point})
    assert objections(play(with_point)) == []
    assert play(with_point, lacks=attack.check).reached


def test_every_check_of_the_client_has_an_attack_that_it_alone_keeps_out() -> None:
    checks = {
        name
        for side in (NewDevice, ExistingDevice)
        for name, _ in inspect.getmembers(side, inspect.isfunction)
        if name.startswith("check_")
    }
    attacked = {attack.check for attack in ATTACKS} - {NO_SERVER_TEXT, "unseal"}
    assert checks - attacked == NOT_ATTACKED_ALONE
    assert attacked <= checks


def test_a_check_that_no_side_has_cannot_be_taken_away() -> None:
    with pytest.raises(LookupError, match="check_nonsense"):
        MemoryStage(Honest, lacks="check_nonsense").play()


def test_taking_a_check_away_from_one_side_leaves_the_class_as_it_is() -> None:
    before = NewDevice.check_return_code
    stage = MemoryStage(Honest)
    stage.play()
    assert stage.new is not None
    side = NewDevice(
        stage.new.identity,
        exchange=stage.world.exchange(),
        ephemeral_key=Puppet.of(stage.world).ephemeral_key,
        nonce=bytes(32),
        attempts=stage.new.attempts,
        openpgp=stage.openpgp,
        published=stage.attack.published(),
    )
    careless = without(side, "check_return_code")
    careless.check_return_code("no digits at all")
    assert NewDevice.check_return_code is before


def test_names_of_attacks_are_their_own() -> None:
    names = [attack.name for attack in (*CONTROLS, *ATTACKS)]
    assert len(set(names)) == len(names)
    assert all(attack.story().endswith(".") for attack in (*CONTROLS, *ATTACKS))
