"""Reading devices."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from devices import presence
from devices.errors import DeviceRevoked, InvalidToken, UnknownDevice
from devices.models import Device, DeviceKind, DeviceState, ErasedDeviceKey
from devices.principal import Principal
from devices.protocol.device_hash import DeviceHash
from devices.protocol.encoding import b64url


def active_devices(account_id: str) -> list[Device]:
    """The account's active devices with a key of their own, oldest first."""
    return list(
        Device.objects.filter(
            account_id=account_id, state=DeviceState.ACTIVE, kind=DeviceKind.DEVICE
        ).order_by("created_at")
    )


def own_devices(account_id: str, *, ended: bool) -> QuerySet[Device]:
    """Every device of the account; those that have ended only if asked for."""
    rows = Device.objects.filter(account_id=account_id)
    return rows if ended else rows.exclude(state=DeviceState.ENDED)


def own_device(account_id: str, device: str) -> Device:
    """One device of the account. Raises UnknownDevice, for another account's too."""
    if not device.isprintable():
        raise UnknownDevice  # PostgreSQL takes no NUL, not even to compare
    row = Device.objects.filter(account_id=account_id, hash=device).first()
    if row is None:
        raise UnknownDevice
    return row


def locked_device(device: Device) -> Device:
    """The row as it is now, locked until the transaction ends. Raises DeviceRevoked where it was erased
    with its account."""
    row = Device.objects.select_for_update().filter(pk=device.pk).first()
    if row is None:
        raise DeviceRevoked
    return row


def device_of_key(key: bytes) -> Device | None:
    """The device that bears this key, in whatever state and of whatever account."""
    return Device.objects.filter(key=key).first()


def living_device_of_key(key: bytes) -> Device | None:
    """The same, where it may still speak. Raises DeviceRevoked for a key whose device has ended, or was
    erased with its account."""
    row = device_of_key(key)
    if row is None and ErasedDeviceKey.objects.filter(index=b64url(key)).exists():
        raise DeviceRevoked
    if row is not None and row.state == DeviceState.ENDED:
        raise DeviceRevoked
    return row


def public_devices(account_id: str) -> QuerySet[Device]:
    """Every device with a certificate, and every one that has ended, certified or not."""
    return Device.objects.filter(account_id=account_id, kind=DeviceKind.DEVICE).exclude(
        certificate="", state=DeviceState.PENDING
    )


def described(rows: Iterable[Device], *, asking: str) -> list[dict[str, Any]]:
    """Devices as their owner sees them; `asking` is the hash of the device that asks."""
    devices = list(rows)
    online = presence.online([DeviceHash(row.hash) for row in devices])
    return [
        {
            "device": row.hash,
            "kind": row.kind,
            "state": row.state,
            "name": row.name,
            "platform": row.platform,
            "scopes": row.scopes.split(),
            "expires_at": row.expires_at,
            "created_at": row.created_at,
            "certified_at": row.certified_at,
            "last_seen_at": row.last_seen_at,
            "ended": row.ended or None,
            "ended_at": row.ended_at,
            "online": row.hash in online,
            "current": row.hash == asking,
        }
        for row in devices
    ]


def shown_at_login(account_id: str) -> list[dict[str, Any]]:
    """The active devices that a new one may ask for the account key (PROTOCOL §3, sessions)."""
    names = ("device", "name", "platform", "last_seen_at", "online")
    return [{name: row[name] for name in names} for row in described(active_devices(account_id), asking="")]


def speaking_device(principal: Principal) -> Device:
    """The device that speaks, as it is now; its standing may be 0.8 s old.

    Raises InvalidToken for a hash that was superseded in that time, DeviceRevoked for one that ended.
    """
    row = Device.objects.filter(account_id=principal.account_id, hash=principal.device).first()
    if row is None:
        raise InvalidToken
    if row.state == DeviceState.ENDED:
        raise DeviceRevoked
    return row


def published(row: Device) -> dict[str, Any]:
    """A device as everybody may see it: what a verifier needs, no name and no time."""
    return {
        "device": row.hash,
        "device_key": b64url(bytes(row.key)) if row.key is not None else None,
        "challenge": b64url(bytes(row.challenge)) if row.challenge is not None else None,
        "certificate": row.certificate or None,
        "revocation": row.revocation or None,
        "revocation_challenge": (
            b64url(bytes(row.revocation_challenge)) if row.revocation_challenge is not None else None
        ),
        # A certificate by a key that was replaced since is in force no more, like one that ended.
        "ended": row.ended or ("key_replaced" if row.state == DeviceState.PENDING else None),
    }


def accounts_seen_since(moment: datetime) -> int:
    """How many accounts have a device that was here since then."""
    return Device.objects.filter(last_seen_at__gte=moment).values("account").distinct().count()
