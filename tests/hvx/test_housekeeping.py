"""What a server does by the clock; a round that fails does not end the rounds."""

import asyncio
from datetime import timedelta

import pytest
from django.utils import timezone

from devices.models import Challenge, Device, IdempotencyRecord
from hvx import housekeeping
from tests.people import Person


def test_a_round_ends_idle_devices_and_forgets_what_is_over(person: Person) -> None:
    phone = person.certified_handset()
    phone.ask_challenge("key").expect(200)
    path, headers = f"devices/{phone.hash}", {"Idempotency-Key": "k"}
    phone.call("PATCH", path, {"name": "x"}, headers=headers).expect(200)
    long_ago = timezone.now() - timedelta(days=91)
    Device.objects.filter(hash=phone.hash).update(last_seen_at=long_ago)
    Challenge.objects.update(expires_at=long_ago)
    IdempotencyRecord.objects.update(created_at=long_ago)
    housekeeping.sweep()
    assert Device.objects.get(hash=phone.hash).ended == "idle"
    assert Device.objects.get(hash=person.handset.hash).ended == ""
    assert not Challenge.objects.exists()
    assert not IdempotencyRecord.objects.exists()
    housekeeping.sweep()


async def test_a_round_that_fails_is_logged_and_the_next_one_comes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rounds: list[int] = []
    third = asyncio.Event()

    async def sweep() -> None:
        rounds.append(1)
        if len(rounds) == 3:
            third.set()
        raise RuntimeError

    monkeypatch.setattr(housekeeping, "FIRST", 0)
    monkeypatch.setattr(housekeeping, "PERIOD", 0)
    monkeypatch.setattr(housekeeping, "database_sync_to_async", lambda _: sweep)
    house = asyncio.create_task(housekeeping.keep_house())
    await asyncio.wait_for(third.wait(), 5)
    house.cancel()
    with pytest.raises(asyncio.CancelledError):
        await house
    assert "housekeeping failed" in {record.getMessage() for record in caplog.records}
