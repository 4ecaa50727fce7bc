"""Passkeys: added under the password, removed, and logged in with."""

import hmac
import secrets
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import errors, passkeys, passwords, queries, throttle
from accounts.models import Passkey
from accounts.passkeys import Assertion, Creation, PasskeyRefused
from accounts.services.sessions import SignedIn, enter, refused_devices_told
from audit.events import Event
from audit.services import record
from devices.errors import ChallengeInvalid
from devices.models import Purpose
from devices.principal import Principal
from devices.protocol.encoding import b64url
from devices.services import challenges
from devices.services.challenges import CHALLENGE_LIFETIME

MOST_PASSKEYS = 20
USER_HANDLE_BYTES = 32
SECONDS = int(CHALLENGE_LIFETIME.total_seconds())


def begin_adding(principal: Principal, password: str) -> dict[str, Any]:
    """Creation options, for this account and device.

    Asks for the password again: a stolen token must not plant a way in that outlives it. The
    challenge is what remembers that the password was right. Raises PasskeysUnavailable,
    PasswordWrong, PasskeyLimit.
    """
    passkeys.rp_id()
    account = queries.of(principal)
    passwords.confirm(account, password, throttle.guesses_again(principal))
    with transaction.atomic():
        row = passwords.still_confirmed(principal, account)
        known = [bytes(one) for one in row.passkeys.values_list("credential_id", flat=True)]
        if len(known) >= MOST_PASSKEYS:
            raise errors.PasskeyLimit
        if row.user_handle is None:
            row.user_handle = secrets.token_bytes(USER_HANDLE_BYTES)
            row.save(update_fields=["user_handle"])
        challenge = challenges.give_challenge(Purpose.PASSKEY_ADD, account=row.text, device=principal.device)
    return passkeys.creation_options(
        account=row.text,
        username=row.username,
        user_handle=bytes(row.user_handle),
        challenge=challenge,
        known=known,
        seconds=SECONDS,
    )


def add(principal: Principal, creation: Creation, *, name: str, transports: Sequence[str]) -> Passkey:
    """Keep a passkey that answers this device's creation options.

    Raises PasskeysUnavailable, ChallengeInvalid, PasskeyInvalid, PasskeyLimit, PasskeyInUse.
    """
    passkeys.rp_id()
    account = queries.of(principal)
    try:
        challenge = passkeys.challenge_in(creation.client_data)
        challenges.require_open(challenge, Purpose.PASSKEY_ADD, account=account.text, device=principal.device)
        new = passkeys.verify_creation(creation, challenge)
    except PasskeyRefused as refused:
        raise errors.PasskeyInvalid(str(refused)) from None
    try:
        with transaction.atomic():
            # The account's row is the lock under which its passkeys are counted.
            row = queries.locked_of(principal)
            challenges.spend_challenge(
                challenge, Purpose.PASSKEY_ADD, account=account.text, device=principal.device
            )
            if row.passkeys.count() >= MOST_PASSKEYS:
                raise errors.PasskeyLimit
            passkey = Passkey.objects.create(
                account=row,
                credential_id=new.credential_id,
                public_key=new.public_key,
                sign_count=new.sign_count,
                aaguid=new.aaguid,
                backup_eligible=new.backup_eligible,
                backed_up=new.backed_up,
                transports=passkeys.known_transports(transports),
                name=name,
            )
            record(Event.PASSKEY_ADDED, account=str(row.pk), device=principal.device)
    except IntegrityError:
        raise errors.PasskeyInUse from None
    return passkey


@transaction.atomic
def remove(principal: Principal, passkey: uuid.UUID) -> None:
    """Forget a passkey of the account's own. Raises UnknownPasskey."""
    queries.locked_of(principal)
    gone, _ = Passkey.objects.filter(pk=passkey, account_id=principal.account_id).delete()
    if not gone:
        raise errors.UnknownPasskey
    record(Event.PASSKEY_REMOVED, account=principal.account_id, device=principal.device)


def begin_login(device_key: bytes) -> dict[str, Any]:
    """Request options for the asking device key, which name nobody. Raises PasskeysUnavailable."""
    passkeys.rp_id()
    challenge = challenges.give_challenge(Purpose.PASSKEY_LOGIN, account="", device_key=device_key)
    return passkeys.request_options(challenge=challenge, seconds=SECONDS)


def log_in(assertion: Assertion, *, device_key: bytes, name: str, platform: str) -> SignedIn:
    """Ends where a password login ends.

    Raises PasskeysUnavailable; InvalidCredentials for whatever does not hold, alike, RateLimited
    where that was too often; and once the passkey is right DeviceKeyInUse or DeviceRevoked, which
    spend nothing.
    """
    passkeys.rp_id()
    passkey = Passkey.objects.select_related("account").filter(credential_id=assertion.credential_id).first()
    try:
        if passkey is None:
            raise PasskeyRefused("nobody has this credential")
        subject = b64url(assertion.credential_id)
        with refused_devices_told(passkey.account, by="passkey", device_key=device_key, subject=subject):
            return _enter(passkey, assertion, device_key=device_key, name=name, platform=platform)
    except (PasskeyRefused, ChallengeInvalid) as refused:
        throttle.refused_secret()
        record(
            Event.LOGIN_REFUSED,
            account=None if passkey is None else str(passkey.account_id),
            subject=b64url(assertion.credential_id),
            details={"kind": "passkey", "counter_fell_back": isinstance(refused, CounterFellBack)},
        )
        raise errors.InvalidCredentials from None


def _enter(
    passkey: Passkey, assertion: Assertion, *, device_key: bytes, name: str, platform: str
) -> SignedIn:
    challenge = passkeys.challenge_in(assertion.client_data)
    challenges.require_open(challenge, Purpose.PASSKEY_LOGIN, account="", device_key=device_key)
    asserted = passkeys.verify_assertion(
        assertion,
        challenge,
        public_key=bytes(passkey.public_key),
        backup_eligible=passkey.backup_eligible,
    )
    handle = passkey.account.user_handle
    if handle is None or not hmac.compare_digest(bytes(handle), assertion.user_handle):
        raise PasskeyRefused("the authenticator names another user")
    with transaction.atomic():
        queries.locked(passkey.account_id)
        challenges.spend_challenge(challenge, Purpose.PASSKEY_LOGIN, account="", device_key=device_key)
        row = Passkey.objects.select_for_update().filter(pk=passkey.pk).first()
        if row is None:
            raise PasskeyRefused("the passkey was removed meanwhile")
        # WebAuthn §6.1.1: a counter that stands still is a copy's, unless it never counts at all.
        if (asserted.sign_count or row.sign_count) and asserted.sign_count <= row.sign_count:
            raise CounterFellBack
        row.sign_count = asserted.sign_count
        row.backed_up = asserted.backed_up
        row.last_used_at = timezone.now()
        row.save(update_fields=["sign_count", "backed_up", "last_used_at"])
        return enter(passkey.account, by="passkey", device_key=device_key, name=name, platform=platform)


class CounterFellBack(PasskeyRefused):
    """The signature is right and the counter is not: somebody may have a copy of the passkey."""
