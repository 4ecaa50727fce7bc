"""A device with a key that is not seen for 90 days ends; anything that shows it was here keeps it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from devices import state
from devices.models import Device, DeviceKind, DeviceState
from devices.services import lifecycle
from tests.people import Person, b64url


def unseen(device: str, days: float) -> None:
    Device.objects.filter(hash=device).update(last_seen_at=timezone.now() - timedelta(days=days))


def ended(device: str) -> str:
    return Device.objects.get(hash=device).ended


def test_a_device_that_was_seen_89_days_ago_stays(person: Person) -> None:
    unseen(person.handset.hash, 89.9)
    assert lifecycle.end_idle_devices() == 0
    person.handset.call("GET", "me").expect(200)


def test_a_device_that_was_not_seen_for_90_days_ends_and_is_listed_as_idle(person: Person) -> None:
    phone = person.certified_handset()
    pending = person.new_handset()
    pending.log_in().expect(200)
    for device in (phone, pending):
        unseen(device.hash, 90.1)
    assert lifecycle.end_idle_devices() == 2
    state.forget_all()
    for device in (phone, pending):
        assert ended(device.hash) == "idle"
        assert device.call("GET", "me").refusal == (401, "device_revoked")
        assert device.refresh().refusal == (401, "device_revoked")
    person.handset.call("GET", "me").expect(200)
    assert lifecycle.end_idle_devices() == 0


def test_the_last_device_ends_too(person: Person) -> None:
    unseen(person.handset.hash, 91)
    assert lifecycle.end_idle_devices() == 1
    assert ended(person.handset.hash) == "idle"


def test_the_public_list_says_that_an_idle_device_ended_without_a_revocation(person: Person) -> None:
    unseen(person.handset.hash, 91)
    lifecycle.end_idle_devices()
    path = f"accounts/{person.username}/devices"
    [shown] = person.handset.call("GET", path).expect(200).json["results"]
    assert (shown["ended"], shown["revocation"]) == ("idle", None)


@pytest.mark.parametrize("kind", [DeviceKind.APP, DeviceKind.ACCESS_KEY])
def test_an_app_and_an_access_key_do_not_end_idle(person: Person, kind: DeviceKind) -> None:
    device = b64url(bytes(32))
    Device.objects.create(
        account_id=person.id,
        kind=kind,
        state=DeviceState.ACTIVE,
        hash=device,
        last_seen_at=timezone.now() - timedelta(days=400),
    )
    assert lifecycle.end_idle_devices() == 0
    assert ended(device) == ""


def test_refreshing_and_logging_in_keep_a_device(person: Person) -> None:
    for seen in (person.handset.refresh, person.handset.log_in):
        unseen(person.handset.hash, 89)
        seen().expect(200)
        row = Device.objects.get(hash=person.handset.hash)
        assert timezone.now() - row.last_seen_at < timedelta(minutes=1)
