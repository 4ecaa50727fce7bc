"""Ending devices: by a signed revocation, or on the server's word."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from accounts import errors, openpgp, queries
from devices import queries as device_queries
from devices.models import Device, DeviceKind, Ending, Purpose
from devices.principal import Principal
from devices.protocol import statements
from devices.protocol.device_hash import DeviceHash
from devices.services import challenges, lifecycle


@dataclass(frozen=True)
class Revocation:
    """A signed revocation and the challenge that it was made for."""

    challenge: bytes
    revocation: str


def end_on_its_word(principal: Principal, *, key_backed_up: bool) -> None:
    """A device logs itself out without a statement. Raises LastDevice."""
    device = device_queries.speaking_device(principal)
    lifecycle.end_device(device, Ending.LOGOUT, key_backed_up=key_backed_up)


def revoke(
    principal: Principal, device: Device, revocation: Revocation | None, *, key_backed_up: bool
) -> None:
    """End a device of the principal's account; one with a key by a signed revocation.

    Raises RevocationInvalid, ChallengeInvalid, LastDevice, DeviceEnded.
    """
    if device.kind != DeviceKind.DEVICE or device.key is None:
        lifecycle.end_device(device, Ending.REVOKED, key_backed_up=key_backed_up)
        return
    if revocation is None or principal.device_key is None:
        raise errors.RevocationInvalid("a signed revocation is needed for a device with a key")
    account = queries.of(principal)
    text = statements.device_revocation(
        queries.subject_of(account),
        DeviceHash(device.hash),
        bytes(device.key),
        revocation.challenge,
    )
    try:
        [signed] = openpgp.verify(revocation.revocation, text, [queries.key_of(account)], now=timezone.now())
    except openpgp.SignatureRefused as refused:
        raise errors.RevocationInvalid(str(refused)) from None
    with transaction.atomic():
        # The account key may have changed since it was read; then the revocation is by another's.
        if queries.locked_of(principal).fingerprint != signed.fingerprint:
            raise errors.RevocationInvalid("the account key has changed")
        challenges.spend_challenge(
            revocation.challenge,
            Purpose.REVOKE,
            account=account.text,
            device_key=principal.device_key,
            device=device.hash,
        )
        lifecycle.end_device(
            device,
            Ending.REVOKED if device.hash != principal.device else Ending.LOGOUT,
            key_backed_up=key_backed_up,
            revocation=signed.armored,
            revocation_challenge=revocation.challenge,
        )
