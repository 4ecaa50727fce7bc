"""A device's life: pending, active, ended, and what every change of it tells."""

import secrets
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from audit.events import Event
from audit.services import entry, record, record_all
from devices import ports, queries, state
from devices.errors import ChallengeInvalid, DeviceEnded, DeviceRevoked, LastDevice
from devices.models import (
    Device,
    DeviceKind,
    DeviceState,
    Ending,
)
from devices.protocol.device_hash import CHALLENGE_BYTES, DeviceHash, device_hash
from devices.push import push

PENDING_LIFETIME = timedelta(hours=1)
IDLE_AFTER = timedelta(days=90)

_ENDED = {
    "revoked": Event.DEVICE_REVOKED,
    "logout": Event.DEVICE_LOGGED_OUT,
    "idle": Event.DEVICE_IDLE,
    "expired": Event.DEVICE_EXPIRED,
}


@transaction.atomic
def add_active_device(
    account_id: str,
    *,
    account: str,
    key: bytes,
    challenge: bytes,
    certificate: str,
    fingerprint: str,
    name: str,
    platform: str,
) -> Device:
    """The first device of a new account, certified already."""
    now = timezone.now()
    row = Device.objects.create(
        account_id=account_id,
        state=DeviceState.ACTIVE,
        hash=device_hash(account, key, challenge),
        key=key,
        challenge=challenge,
        name=name,
        platform=platform,
        certificate=certificate,
        fingerprint=fingerprint,
        certified_at=now,
        last_seen_at=now,
    )
    record(Event.CERTIFICATE_STORED, account=str(account_id), device=row.hash)
    return row


@transaction.atomic
def add_pending_device(account_id: str, *, account: str, key: bytes, name: str, platform: str) -> Device:
    """A device that has logged in and is not certified yet, with a new challenge and hash.

    A pending device of the same key gets them anew: its older hash stands for nothing from then
    on, and neither do the tokens that carry it.
    """
    now = timezone.now()
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    fresh = {
        "hash": device_hash(account, key, challenge),
        "challenge": challenge,
        "challenge_expires_at": now + PENDING_LIFETIME,
        "name": name,
        "platform": platform,
        "certificate": "",
        "fingerprint": "",
        "certified_at": None,
        "last_seen_at": now,
    }
    row, made = Device.objects.select_for_update().get_or_create(
        account_id=account_id, key=key, state=DeviceState.PENDING, defaults=fresh
    )
    if made:
        record(Event.DEVICE_ADDED, account=str(account_id), device=row.hash)
        return row
    older = row.hash
    for field, value in fresh.items():
        setattr(row, field, value)
    row.save()
    ports.device_ended(older, str(account_id))
    _changed(older)
    _tell(older, {"type": "device.replaced"})
    return row


@transaction.atomic
def add_access_key(
    account_id: str, *, device: DeviceHash, name: str, scopes: Sequence[str], expires_at: datetime
) -> Device:
    """A device of kind `access_key`: active from the start, and until `expires_at`."""
    now = timezone.now()
    return Device.objects.create(
        account_id=account_id,
        kind=DeviceKind.ACCESS_KEY,
        state=DeviceState.ACTIVE,
        hash=device,
        name=name,
        scopes=" ".join(scopes),
        expires_at=expires_at,
        last_seen_at=now,
    )


@transaction.atomic
def activate(device: DeviceHash, *, certificate: str, fingerprint: str) -> Device:
    """Pending becomes active by a certificate that the caller has verified.

    Spends the device's challenge; raises ChallengeInvalid where it is spent or an hour old.
    """
    now = timezone.now()
    row = Device.objects.select_for_update().filter(hash=device, state=DeviceState.PENDING).first()
    if row is None or row.challenge_expires_at is None or row.challenge_expires_at <= now:
        raise ChallengeInvalid
    row.state = DeviceState.ACTIVE
    row.certificate = certificate
    row.fingerprint = fingerprint
    row.challenge_expires_at = None
    row.certified_at = row.last_seen_at = now
    row.save()
    record(Event.CERTIFICATE_STORED, account=str(row.account_id), device=row.hash)
    _changed(row.hash)
    return row


@transaction.atomic
def end_device(
    device: Device,
    ending: Ending,
    *,
    key_backed_up: bool,
    revocation: str = "",
    revocation_challenge: bytes | None = None,
) -> None:
    """End a device for ever: its tokens, sockets and exchanges with it.

    Raises LastDevice where no other active device would be left and the key's back-up is not
    vouched for, DeviceEnded where it has ended already, DeviceRevoked where it was erased meanwhile;
    each leaves everything as it was.
    """
    # Locked in one order, so that two devices that end each other at once wait for one another
    # and the second sees that it would be the last.
    rows = {
        row.pk: row
        for row in Device.objects.select_for_update()
        .filter(account_id=device.account_id, kind=DeviceKind.DEVICE)
        .exclude(state=DeviceState.ENDED)
        .order_by("pk")
    }
    row = rows.get(device.pk)
    if row is None:
        row = queries.locked_device(device)
        if row.state == DeviceState.ENDED:
            raise DeviceEnded
    others = [other for other in rows.values() if other.pk != row.pk and other.state == DeviceState.ACTIVE]
    was_active = row.state == DeviceState.ACTIVE and row.kind == DeviceKind.DEVICE
    if was_active and not others and not key_backed_up:
        raise LastDevice
    row.state = DeviceState.ENDED
    row.ended = ending
    row.ended_at = timezone.now()
    row.revocation = revocation
    row.revocation_challenge = revocation_challenge
    row.save()
    record(_ENDED[row.ended], account=str(row.account_id), device=row.hash, details={"kind": row.kind})
    ports.device_ended(row.hash, str(row.account_id))
    _changed(row.hash)
    _tell(row.hash, {"type": "device.ended"})


@transaction.atomic
def certify_anew(account_id: str, certificates: dict[str, str], fingerprint: str) -> Collection[str]:
    """After a new account key: devices with a new certificate stay, the rest become pending.

    `certificates` are verified by the caller, by device hash. Answers the hashes made pending.
    """
    demoted = []
    events = []
    now = timezone.now()
    for row in (
        Device.objects.select_for_update()
        .filter(account_id=account_id, kind=DeviceKind.DEVICE, state=DeviceState.ACTIVE)
        .order_by("pk")
    ):
        certificate = certificates.get(row.hash)
        if certificate is not None:
            row.certificate, row.fingerprint, row.certified_at = certificate, fingerprint, now
            events.append(entry(Event.CERTIFICATE_STORED, account=str(account_id), device=row.hash))
        else:
            row.state = DeviceState.PENDING
            row.challenge_expires_at = now + PENDING_LIFETIME
            # Its certificate by the older key stays, and stays public: nobody is to think that the
            # server took a device away.
            demoted.append(row.hash)
            events.append(entry(Event.DEVICE_DEMOTED, account=str(account_id), device=row.hash))
            ports.device_ended(row.hash, str(account_id))
            _tell(row.hash, {"type": "device.replaced"})
        row.save()
        _changed(row.hash)
    record_all(events)
    return demoted


@transaction.atomic
def rename(device: Device, name: str) -> Device:
    """Give a device another name. Raises DeviceRevoked where it was erased meanwhile."""
    device = queries.locked_device(device)
    device.name = name
    device.save(update_fields=["name"])
    record(Event.DEVICE_RENAMED, account=str(device.account_id), device=device.hash)
    return device


def see(*devices: DeviceHash) -> None:
    """Note that the devices were here, which keeps them from ending idle."""
    Device.objects.filter(hash__in=devices).update(last_seen_at=timezone.now())


def end_idle_devices() -> int:
    """End every device with a key that was not seen for 90 days; answers how many."""
    since = timezone.now() - IDLE_AFTER
    count = 0
    idle = Device.objects.filter(
        last_seen_at__lt=since, kind=DeviceKind.DEVICE, state__in=("active", "pending")
    )
    for device in idle.iterator():
        with transaction.atomic():
            # Seen in the meantime, or ended by another worker's round: then it is not ours to end.
            still = Device.objects.select_for_update().filter(
                pk=device.pk, last_seen_at__lt=since, state__in=("active", "pending")
            )
            if still.exists():
                end_device(device, Ending.IDLE, key_backed_up=True)
                count += 1
    return count


def end_expired_devices() -> int:
    """End every access key whose time is over; answers how many. No token outlives its key, so
    nothing waits for this but the lists."""
    count = 0
    over = Device.objects.filter(expires_at__lte=timezone.now()).exclude(state=DeviceState.ENDED)
    for device in over.iterator():
        # It may have ended in the meantime, or gone with its account.
        with suppress(DeviceEnded, DeviceRevoked):
            end_device(device, Ending.EXPIRED, key_backed_up=True)
            count += 1
    return count


def _changed(device: str) -> None:
    transaction.on_commit(partial(state.forget, device))


def _tell(device: str, message: dict[str, str]) -> None:
    transaction.on_commit(partial(push, device, message))
