"""Signing in: from a password to a pending device, from a certificate to an active one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from django.db import IntegrityError, transaction

from accounts import errors, passwords, queries, throttle
from accounts.models import Account
from accounts.services.certificates import verify_certificate
from audit.events import Event
from audit.services import record
from devices import queries as device_queries
from devices.errors import ChallengeInvalid, DeviceKeyInUse, DeviceRevoked, UnknownDeviceKey
from devices.models import Device, DeviceState
from devices.principal import Principal
from devices.protocol.device_hash import DeviceHash
from devices.services import lifecycle


@dataclass(frozen=True)
class SignedIn:
    """A device that may have a token now."""

    account: Account
    device: Device


def log_in(login: str, password: str, *, device_key: bytes, name: str, platform: str) -> SignedIn:
    """Raises InvalidCredentials, RateLimited, Busy, and once the password is right what `enter` raises."""
    found = queries.by_login(login)
    known = device_queries.device_of_key(device_key)
    own = None
    if found and known and (known.account_id, known.state) == (found.pk, DeviceState.ACTIVE):
        own = known
    guesses = throttle.guesses_at_login(login, own=own)
    try:
        account = passwords.authenticate(found, password, guesses)
    except errors.InvalidCredentials:
        record(
            Event.LOGIN_REFUSED,
            account=str(found.pk) if found else None,
            device=own.hash if own else None,
            subject=login,
            details={"kind": "password"},
        )
        raise
    with refused_devices_told(account, by="password", device_key=device_key, subject=login):
        return enter(account, by="password", device_key=device_key, name=name, platform=platform)


@contextmanager
def refused_devices_told(
    account: Account, *, by: Literal["password", "passkey"], device_key: bytes, subject: str
) -> Iterator[None]:
    """Around `enter` and any transaction that it is in: its refusals go into the account's audit.

    Whoever is refused here had the right password or passkey, which the account's owner must see.
    Raises RateLimited in place of the refusal where that was too often.
    """
    try:
        yield
    except (DeviceKeyInUse, DeviceRevoked) as refused:
        throttle.refused_secret()
        known = device_queries.device_of_key(device_key)
        record(
            Event.LOGIN_REFUSED,
            account=str(account.pk),
            device=known.hash if known and known.account_id == account.pk else None,
            subject=subject,
            details={"kind": by, "why": "revoked" if isinstance(refused, DeviceRevoked) else "key_in_use"},
        )
        raise


def enter(
    account: Account, *, by: Literal["password", "passkey"], device_key: bytes, name: str, platform: str
) -> SignedIn:
    """Where every login ends, whatever it was proven `by`: a known active device comes back active,
    any other pending with a new challenge. Raises DeviceKeyInUse or DeviceRevoked.
    """
    known = device_queries.living_device_of_key(device_key)
    if known is not None:
        if known.account_id != account.pk:
            raise DeviceKeyInUse
        if known.state == DeviceState.ACTIVE:
            with transaction.atomic():
                lifecycle.see(DeviceHash(known.hash))
                _record_login(account, known, by)
            return SignedIn(account, known)
    try:
        with transaction.atomic():
            if queries.locked(account.pk) is None:
                raise errors.InvalidCredentials  # erased meanwhile
            device = lifecycle.add_pending_device(
                str(account.pk), account=account.text, key=device_key, name=name, platform=platform
            )
            _record_login(account, device, by)
    except IntegrityError:
        raise DeviceKeyInUse from None
    return SignedIn(account, device)


def _record_login(account: Account, device: Device, by: str) -> None:
    record(
        Event.LOGIN,
        account=str(account.pk),
        device=device.hash,
        details={"kind": by, "state": str(device.state)},
    )


def refresh(device_key: bytes) -> SignedIn:
    """A device asks again by its proof alone. Raises UnknownDeviceKey or DeviceRevoked."""
    device = device_queries.living_device_of_key(device_key)
    if device is None:
        raise UnknownDeviceKey
    account = Account.objects.filter(pk=device.account_id).first()
    if account is None:
        raise DeviceRevoked  # erased meanwhile
    lifecycle.see(DeviceHash(device.hash))
    return SignedIn(account, device)


def activate(principal: Principal, certificate: str) -> SignedIn:
    """The only way from pending to active.

    Raises CertificateInvalid, ChallengeInvalid, InvalidToken or DeviceRevoked.
    """
    account = queries.of(principal)
    device = device_queries.speaking_device(principal)
    if device.state != DeviceState.PENDING or device.key is None or device.challenge is None:
        raise ChallengeInvalid
    signed = verify_certificate(account, device, certificate, key=queries.key_of(account))
    with transaction.atomic():
        # The account key may have changed since it was read; then the certificate is another's.
        still = queries.locked_of(principal)
        if still.fingerprint != signed.fingerprint:
            raise errors.CertificateInvalid("the account key has changed")
        device = lifecycle.activate(
            principal.device, certificate=signed.armored, fingerprint=signed.fingerprint
        )
    return SignedIn(account, device)
