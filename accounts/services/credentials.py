"""Passwords: changed by the old one, reset by the account key."""

import functools
import hmac

import pysequoia
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import openpgp, passwords, queries, throttle
from accounts.models import Account
from audit.events import Event
from audit.services import record
from devices.errors import ChallengeInvalid
from devices.models import Purpose
from devices.principal import Principal
from devices.protocol import statements
from devices.services import challenges
from vault import keys


def change_password(principal: Principal, old: str, new: str) -> None:
    """Raises PasswordWrong, where it was reset meanwhile too, RateLimited, and ValidationError for a weak
    one. Ends no device by itself."""
    account = queries.of(principal)
    passwords.confirm(account, old, throttle.guesses_again(principal))
    hashed = passwords.hashed(new, field="new_password")
    with transaction.atomic():
        account = passwords.still_confirmed(principal, account)
        _set_password(account, hashed)
        record(Event.PASSWORD_CHANGED, account=str(account.pk), device=principal.device)


def _set_password(account: Account, hashed: str) -> None:
    """The account's row is locked. What the old password had begun ends with it."""
    account.password = hashed
    account.save(update_fields=["password"])
    challenges.forget_challenges(Purpose.PASSKEY_ADD, account=account.text)


@transaction.atomic
def ask_password_reset(login: str) -> bytes:
    """A challenge, for an account and for nobody alike: the same rows are written for either."""
    account = queries.by_login(login)
    name = account.text if account else _nobody(login)
    challenge = challenges.give_challenge(Purpose.PASSWORD_RESET, account=name)
    record(Event.PASSWORD_RESET_ASKED, account=str(account.pk) if account else None, subject=login)
    return challenge


def _nobody(login: str) -> str:
    # Keyed, so that a stolen database does not tell which addresses were tried.
    return f"nobody:{hmac.digest(keys.derive('nobody'), login.encode(), 'sha256').hex()}"


@functools.cache
def _nobodys_key() -> openpgp.AccountKey:
    """A public key whose private half was never kept."""
    cert = pysequoia.Tsk.generate("nobody", profile=pysequoia.Profile.RFC4880).extract_certificate()
    return openpgp.AccountKey(armored=str(cert), fingerprint=cert.fingerprint.upper())


def _nobodys_subject(key: openpgp.AccountKey) -> statements.Subject:
    return statements.Subject(
        origin=settings.HVX_ORIGIN, account=f"nobody@{settings.HVX_HOST}", fingerprint=key.fingerprint
    )


def reset_password(login: str, *, challenge: bytes, statement: str, password: str) -> None:
    """A new password by the account key's signature.

    Raises ChallengeInvalid for whatever does not hold, so that nobody learns by it which e-mail
    addresses have accounts; ValidationError for a weak password, before anything is looked up.
    """
    passwords.refuse_weak(password)
    account = queries.by_login(login)
    try:
        _reset(account, challenge, statement, password)
    except ChallengeInvalid:
        record(Event.PASSWORD_RESET_REFUSED, account=str(account.pk) if account else None, subject=login)
        raise


def _reset(account: Account | None, challenge: bytes, statement: str, password: str) -> None:
    # For nobody the same is done with a key of nobody's.
    key = queries.key_of(account) if account else _nobodys_key()
    subject = queries.subject_of(account) if account else _nobodys_subject(key)
    text = statements.password_reset(subject, challenge)
    try:
        openpgp.verify(statement, text, [key], now=timezone.now())
    except openpgp.SignatureRefused:
        raise ChallengeInvalid from None
    if account is None:
        raise ChallengeInvalid
    # Only now, and outside the transaction: the hash costs a tenth of a second, and anybody may call.
    new = passwords.hashed(password)
    with transaction.atomic():
        if queries.locked(account.pk) is None:
            raise ChallengeInvalid
        challenges.spend_challenge(challenge, Purpose.PASSWORD_RESET, account=account.text)
        _set_password(account, new)
        record(Event.PASSWORD_RESET, account=str(account.pk))
