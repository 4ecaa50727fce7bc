"""Reading accounts."""

import uuid
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from accounts.errors import UnknownAccount
from accounts.models import Account, ErasedUsername, Passkey
from accounts.openpgp import AccountKey
from accounts.protocol.names import RESERVED, is_username, normalise_login
from audit.context import network
from audit.models import AuditRow
from audit.queries import mac_of
from devices.errors import DeviceRevoked
from devices.models import Device, DeviceKind, DeviceState
from devices.principal import Principal
from devices.protocol.encoding import b64url
from devices.protocol.statements import Subject


def by_login(login: str) -> Account | None:
    """The account of a username or an e-mail address, as people type them."""
    if "@" in login:
        return Account.objects.filter(email_index=login).first()
    return Account.objects.filter(username=normalise_login(login)).first()


def by_username(username: str) -> Account:
    """Raises UnknownAccount."""
    account = Account.objects.filter(username=username).first() if is_username(username) else None
    if account is None:
        raise UnknownAccount
    return account


def id_of(name: str) -> str | None:
    """The account id of a username, or of an account id as it stands."""
    try:
        found = Account.objects.filter(pk=uuid.UUID(name))
    except ValueError:
        found = Account.objects.filter(username=name.strip().lower())
    return next((str(pk) for pk in found.values_list("pk", flat=True)), None)


def of(principal: Principal) -> Account:
    """The account that a device speaks for. Raises DeviceRevoked where it was erased meanwhile."""
    account = Account.objects.filter(pk=principal.account_id).first()
    if account is None:
        raise DeviceRevoked
    return account


def locked(account_id: UUID | str) -> Account | None:
    """The account's row, locked until the transaction ends; None where the account is gone.

    Whoever changes something of an account that its erasure deletes takes this first, so that of the
    two one waits for the other. It holds up nobody who only adds a row that refers to the account.
    """
    return Account.objects.select_for_update(no_key=True).filter(pk=account_id).first()


def locked_of(principal: Principal) -> Account:
    """The same of the account that a device speaks for. Raises DeviceRevoked where it was erased
    meanwhile, and its devices with it."""
    account = locked(principal.account_id)
    if account is None:
        raise DeviceRevoked
    return account


def is_free(username: str) -> bool:
    """Whether somebody may register the username."""
    # The erased are asked second: whoever goes between the two is found there.
    return (
        username not in RESERVED
        and not Account.objects.filter(username=username).exists()
        and not was_erased(username)
    )


def was_erased(username: str) -> bool:
    """Whether an account of this username was here and was erased."""
    return ErasedUsername.objects.filter(index=username).exists()


def key_of(account: Account) -> AccountKey:
    """The account key, which the policy let in when it was stored."""
    return AccountKey(armored=account.public_key, fingerprint=account.fingerprint)


def subject_of(account: Account) -> Subject:
    """Whose statements the account key signs."""
    return Subject(origin=settings.HVX_ORIGIN, account=account.text, fingerprint=account.fingerprint)


def summary(account: Account) -> dict[str, Any]:
    """`{id, username, account, fingerprint}`."""
    return {
        "id": str(account.pk),
        "username": account.username,
        "account": account.text,
        "fingerprint": account.fingerprint,
    }


def public(account: Account) -> dict[str, Any]:
    """What anybody may know: the OpenPGP key and how it came to be the account's."""
    return {
        **summary(account),
        "public_key": account.public_key,
        "transitions": [
            {
                "key": row.old_fingerprint,
                "new_key": row.new_fingerprint,
                "public_key": row.old_public_key,
                "challenge": b64url(bytes(row.challenge)),
                "transition": row.transition,
            }
            for row in account.transitions.all()
        ],
    }


def own(account: Account) -> dict[str, Any]:
    """What a person sees of their own account."""
    return {**public(account), "email": account.email, "created_at": account.created_at}


def security_log(account_id: str, rows: Iterable[AuditRow]) -> list[dict[str, Any]]:
    """The account's own audit rows, as their owner sees them."""
    hashes = Device.objects.filter(account_id=account_id).values_list("hash", flat=True)
    devices = {mac_of("device", hash): hash for hash in hashes}
    here = mac_of("network", network.get())
    return [
        {
            "at": row.at,
            "event": row.event,
            "device": devices.get(row.device_mac),
            "same_network": row.network_mac == here if row.network_mac and here else None,
            "details": orjson.loads(row.details),
        }
        for row in rows
    ]


def passkeys_of(account_id: str) -> QuerySet[Passkey]:
    return Passkey.objects.filter(account_id=account_id)


def passkey(row: Passkey) -> dict[str, Any]:
    """A passkey as its owner sees it."""
    return {
        "id": str(row.pk),
        "name": row.name,
        "transports": row.transports,
        "backup_eligible": row.backup_eligible,
        "backed_up": row.backed_up,
        "created_at": row.created_at,
        "last_used_at": row.last_used_at,
    }


def access_keys_of(account_id: str) -> QuerySet[Device]:
    """The access keys in force, as devices."""
    return Device.objects.select_related("access_key").filter(
        account_id=account_id,
        kind=DeviceKind.ACCESS_KEY,
        state=DeviceState.ACTIVE,
        expires_at__gt=timezone.now(),
    )


def access_key(device: Device) -> dict[str, Any]:
    """An access key as its owner sees it; its secret is told when it is made and never again."""
    return {
        "key_id": str(device.access_key.pk),
        "device": device.hash,
        "name": device.name,
        "scopes": device.scopes.split(),
        "created_at": device.created_at,
        "expires_at": device.expires_at,
        "last_seen_at": device.last_seen_at,
    }
