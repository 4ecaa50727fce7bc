"""What a device hash stands for right now: a cache that no revocation outlives by a second."""

import time

import pytest
from asgiref.sync import async_to_sync
from pytest_django import DjangoAssertNumQueries

from devices import state
from devices.models import Device, DeviceState
from devices.protocol.device_hash import DeviceHash
from tests.people import DjangoWire, Person, b64url


def change(device: str, to: DeviceState) -> None:
    """As another process changes a device: this one hears nothing of it."""
    Device.objects.filter(hash=device).update(state=to)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The process's clock, to be moved by hand."""
    now = [time.monotonic()]
    monkeypatch.setattr("devices.state.time.monotonic", lambda: now[0])
    return now


def test_what_was_read_is_kept_for_less_than_a_second(person: Person, clock: list[float]) -> None:
    device = DeviceHash(person.handset.hash)
    assert state.current_sync(device) == "active"
    change(device, DeviceState.ENDED)
    clock[0] += 0.79
    assert state.current_sync(device) == "active"
    clock[0] += 0.02
    assert state.current_sync(device) == "ended"
    assert state.KEPT_SECONDS < 1


def test_its_age_is_counted_from_before_the_database_was_asked(
    person: Person, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = DeviceHash(person.handset.hash)
    asked = state._read

    def slowly(*devices: object) -> object:
        found = asked(*devices)  # type: ignore[arg-type]
        change(device, DeviceState.ENDED)
        clock[0] += 0.9  # the answer took so long that it says nothing about now
        return found

    with monkeypatch.context() as patch:
        patch.setattr(state, "_read", slowly)
        state.current_sync(device)
    assert state.current_sync(device) == "ended"


def test_a_change_by_this_process_is_seen_at_once(person: Person) -> None:
    phone = person.certified_handset()
    device = DeviceHash(phone.hash)
    assert state.current_sync(device) == "active"
    person.handset.revoke(phone).expect(200)
    assert state.current_sync(device) == "ended"


def test_a_hash_that_no_device_bears_is_unknown(person: Person) -> None:
    assert state.current_sync(DeviceHash(b64url(bytes(32)))) == "unknown"
    phone = person.new_handset()
    phone.log_in().expect(200)
    older = DeviceHash(phone.hash)
    phone.log_in().expect(200)
    state.forget(older)
    assert state.current_sync(older) == "unknown"


def test_a_standing_brings_the_key_and_the_kind(
    person: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    device = DeviceHash(person.handset.hash)
    state.forget(device)
    with django_assert_num_queries(1):
        for _ in range(3):
            standing = state.standing(device)
    assert (standing.state, standing.key, standing.kind) == ("active", person.handset.public, "device")


@pytest.mark.django_db(transaction=True)
def test_a_socket_is_told_the_same(person_on_its_own: Person) -> None:
    device = DeviceHash(person_on_its_own.handset.hash)
    state.forget_all()
    assert async_to_sync(state.current)(device) == "active"
    change(device, DeviceState.ENDED)
    state.forget(device)
    assert async_to_sync(state.current)(device) == "ended"
    assert async_to_sync(state.current)(DeviceHash(b64url(bytes(32)))) == "unknown"


@pytest.fixture
def person_on_its_own(transactional_db: None) -> Person:
    """Somebody whom other threads can see too."""
    somebody = Person(DjangoWire())
    somebody.register().expect(201)
    return somebody
