"""Access keys for automation: made under the password, exchanged for short tokens, ended at once."""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import errors, passwords, queries, throttle
from accounts.models import AccessKey, Account
from audit.events import Event
from audit.services import record
from devices.errors import DeviceRevoked
from devices.models import Device, DeviceKind, DeviceState, Ending
from devices.principal import Principal
from devices.protocol.access_token import LIFETIME_SECONDS
from devices.protocol.device_hash import DeviceHash, access_key_hash
from devices.protocol.encoding import b64url
from devices.services import lifecycle

FORMAT = "hvx-access-key/1"
SECRET_BYTES = 32
MOST_ACCESS_KEYS = 50
LONGEST_LIFE = timedelta(days=366)
USUAL_LIFE = timedelta(days=365)


@dataclass(frozen=True)
class NewAccessKey:
    """A fresh key. `secret` is 32 bytes, is here once, and is kept by nobody."""

    device: Device
    key_id: uuid.UUID
    secret: bytes = field(repr=False)
    account: str

    def portable(self) -> dict[str, Any]:
        """The document that its holder keeps (docs/decisions/0021)."""
        return {
            "type": FORMAT,
            "origin": settings.HVX_ORIGIN,
            "account": self.account,
            "key_id": str(self.key_id),
            "secret": b64url(self.secret),
            "scopes": self.device.scopes.split(),
            "expires_at": self.device.expires_at,
        }


@dataclass(frozen=True)
class Exchanged:
    """An access key that may have a token now, of so many seconds."""

    account: Account
    device: Device
    seconds: int


def make(
    principal: Principal, *, password: str, name: str, scopes: Sequence[str], expires_at: datetime | None
) -> NewAccessKey:
    """A new access key of the principal's account; without `expires_at` it lasts a year.

    Asks for the password again: a stolen token must not plant a way in that outlives it. Raises
    PasswordWrong, RateLimited, AccessKeyLimit.
    """
    account = queries.of(principal)
    passwords.confirm(account, password, throttle.guesses_again(principal))
    key_id, secret = uuid.uuid4(), secrets.token_bytes(SECRET_BYTES)
    digest = hashlib.sha256(secret).digest()
    with transaction.atomic():
        # The account's row is the lock under which its keys are counted.
        row = passwords.still_confirmed(principal, account)
        if queries.access_keys_of(str(row.pk)).count() >= MOST_ACCESS_KEYS:
            raise errors.AccessKeyLimit
        device = lifecycle.add_access_key(
            str(row.pk),
            device=access_key_hash(row.text, str(key_id), digest),
            name=name,
            scopes=scopes,
            expires_at=expires_at or timezone.now() + USUAL_LIFE,
        )
        AccessKey.objects.create(id=key_id, device=device, digest=digest)
        _record(Event.ACCESS_KEY_ADDED, key_id, device, scopes=device.scopes)
    return NewAccessKey(device=device, key_id=key_id, secret=secret, account=row.text)


def end(principal: Principal, key_id: uuid.UUID) -> None:
    """End an access key of the account's own. Raises UnknownAccessKey, DeviceEnded."""
    key = (
        AccessKey.objects.select_related("device")
        .filter(pk=key_id, device__account_id=principal.account_id)
        .first()
    )
    if key is None:
        raise errors.UnknownAccessKey
    lifecycle.end_device(key.device, Ending.REVOKED, key_backed_up=False)


def exchange(key_id: uuid.UUID, secret: bytes) -> Exchanged:
    """The device of an access key whose secret this is.

    Raises InvalidAccessKey, alike for an unknown id and a wrong secret; DeviceRevoked or
    AccessKeyExpired once the secret is right; RateLimited in place of each where that was too often.
    """
    key = AccessKey.objects.select_related("device__account").filter(pk=key_id).first()
    held = bytes(key.digest) if key is not None else bytes(SECRET_BYTES)
    right = hmac.compare_digest(hashlib.sha256(secret).digest(), held)
    if key is None or not right:
        throttle.refused_secret()
        _record(Event.ACCESS_KEY_REFUSED, key_id, key.device if key else None)
        raise errors.InvalidAccessKey
    device = key.device
    left = _seconds_left(device)
    if left < 1 or device.ended == Ending.EXPIRED:
        throttle.refused_secret()
        _record(Event.ACCESS_KEY_REFUSED, key_id, device, why="expired")
        raise errors.AccessKeyExpired
    if device.kind != DeviceKind.ACCESS_KEY or device.state != DeviceState.ACTIVE:
        throttle.refused_secret()
        _record(Event.ACCESS_KEY_REFUSED, key_id, device, why="revoked")
        raise DeviceRevoked("this access key was revoked")
    with transaction.atomic():
        lifecycle.see(DeviceHash(device.hash))
        _record(Event.ACCESS_KEY_USED, key_id, device)
    # No token outlives its key, so nothing but the clock is asked whether a key has expired.
    return Exchanged(account=device.account, device=device, seconds=min(left, LIFETIME_SECONDS))


def _seconds_left(device: Device) -> int:
    return int((device.expires_at - timezone.now()).total_seconds()) if device.expires_at else 0


def _record(event: Event, key_id: uuid.UUID, device: Device | None, **details: str) -> None:
    record(
        event,
        account=str(device.account_id) if device else None,
        device=device.hash if device else None,
        subject=str(key_id),
        details=details,
    )
