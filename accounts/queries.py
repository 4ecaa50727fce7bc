"""Reading accounts."""

import uuid
from typing import Any

from django.conf import settings

from accounts.errors import UnknownAccount
from accounts.models import Account
from accounts.openpgp import AccountKey
from accounts.protocol.names import RESERVED, is_username
from devices.principal import Principal
from devices.protocol.encoding import b64url
from devices.protocol.statements import Subject


def by_login(login: str) -> Account | None:
    """The account of a username or an e-mail address, as people type them."""
    if "@" in login:
        return Account.objects.filter(email_index=login).first()
    return Account.objects.filter(username=login.strip().lower()).first()


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
    """The account that a device speaks for. Raises UnknownAccount where it is gone."""
    account = Account.objects.filter(pk=principal.account_id).first()
    if account is None:
        raise UnknownAccount
    return account


def is_free(username: str) -> bool:
    """Whether somebody may register the username."""
    return username not in RESERVED and not Account.objects.filter(username=username).exists()


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
