"""Replacing the account key."""

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from accounts import errors, openpgp, passwords, queries, throttle
from accounts.models import Account, KeyTransition
from accounts.services.certificates import verify_certificate
from audit.events import Event
from audit.services import record
from devices import queries as device_queries
from devices.models import DeviceState, Purpose
from devices.principal import Principal
from devices.protocol import statements
from devices.services import challenges, lifecycle


def replace_key(
    principal: Principal,
    *,
    password: str,
    public_key: str,
    challenge: bytes,
    transition: str,
    certificates: Mapping[str, str],
) -> tuple[Account, list[str]]:
    """A new account key, vouched for by the old. Answers the devices that became pending.

    Raises PasswordWrong, RateLimited, PublicKeyRefused, KeyUnchanged, TransitionInvalid, CertificateInvalid,
    UnknownDevice, ChallengeInvalid.
    """
    account = queries.of(principal)
    passwords.confirm(account, password, throttle.guesses_again(principal))
    now = timezone.now()
    old, new = queries.key_of(account), openpgp.read_public_key(public_key, now=now)
    if new.fingerprint == old.fingerprint:
        raise errors.KeyUnchanged
    text = statements.key_transition(queries.subject_of(account), new.fingerprint, challenge)
    try:
        signed = openpgp.verify(transition, text, [old, new], now=now)
    except openpgp.SignatureRefused as refused:
        raise errors.TransitionInvalid(str(refused)) from None
    for hash_ in certificates:
        if device_queries.own_device(principal.account_id, hash_).state != DeviceState.ACTIVE:
            raise errors.CertificateInvalid("only an active device is certified anew; others activate")
    verified = {
        hash_: verify_certificate(
            account,
            device_queries.own_device(principal.account_id, hash_),
            certificate,
            key=new,
        ).armored
        for hash_, certificate in certificates.items()
    }
    with transaction.atomic():
        row = passwords.still_confirmed(principal, account)
        if row.fingerprint != old.fingerprint:
            raise errors.TransitionInvalid("the account key has changed")
        challenges.spend_challenge(
            challenge,
            Purpose.KEY,
            account=account.text,
            device_key=principal.device_key or b"",
        )
        KeyTransition.objects.create(
            account=row,
            old_public_key=old.armored,
            old_fingerprint=old.fingerprint,
            new_fingerprint=new.fingerprint,
            challenge=challenge,
            transition=openpgp.armored(signed),
        )
        row.public_key, row.fingerprint = new.armored, new.fingerprint
        row.save(update_fields=["public_key", "fingerprint"])
        demoted = lifecycle.certify_anew(str(row.pk), verified, new.fingerprint)
        record(
            Event.ACCOUNT_KEY_REPLACED,
            account=str(row.pk),
            device=principal.device,
            details={"certified": len(verified), "pending": len(demoted)},
        )
    return row, list(demoted)
