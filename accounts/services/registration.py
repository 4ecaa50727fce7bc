"""Registering: an account and its first device come to be together, or not at all."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts import errors, openpgp, passwords, ports, queries, throttle
from accounts.models import Account, Invite
from accounts.protocol.names import account_text
from accounts.services.sessions import SignedIn
from audit.events import Event
from audit.services import record
from devices import queries as device_queries
from devices.errors import DeviceKeyInUse
from devices.models import Purpose
from devices.protocol import statements
from devices.protocol.device_hash import device_hash
from devices.protocol.statements import Subject
from devices.services import challenges, lifecycle

INVITE_BYTES = 16


@dataclass(frozen=True)
class Registration:
    """A validated body of `POST accounts`, and the device key that its proof held."""

    username: str
    email: str
    password: str
    public_key: str
    device_name: str
    device_platform: str
    challenge: bytes
    certificate: str
    invite: str
    device_key: bytes


def check_registrable(username: str, device_key: bytes) -> None:
    """Whether this name could be registered from this device.

    Raises RegistrationClosed, DeviceRevoked, UsernameTaken, DeviceKeyInUse.
    """
    if settings.HVX_REGISTRATION == "closed":
        raise errors.RegistrationClosed
    known = device_queries.living_device_of_key(device_key)
    if not queries.is_free(username):
        raise errors.UsernameTaken
    if known is not None:
        raise DeviceKeyInUse


def register(wanted: Registration) -> SignedIn:
    """A new account and its first device, proven by the account key's certificate.

    Raises what check_registrable raises, PublicKeyRefused, CertificateInvalid, ChallengeInvalid,
    InviteInvalid, RateLimited, EmailTaken, and ValidationError for a weak password.
    """
    check_registrable(wanted.username, wanted.device_key)
    # Spent below, and looked at before anything that costs: a signature to check, a password to hash.
    if settings.HVX_REGISTRATION == "invite" and not _good_invite(wanted.invite).exists():
        _refuse_invite()
    now = timezone.now()
    key = openpgp.read_public_key(wanted.public_key, now=now)
    account = account_text(wanted.username, settings.HVX_HOST)
    text = statements.device_certificate(
        Subject(origin=settings.HVX_ORIGIN, account=account, fingerprint=key.fingerprint),
        device_hash(account, wanted.device_key, wanted.challenge),
        wanted.device_key,
        wanted.challenge,
    )
    try:
        [certificate] = openpgp.verify(wanted.certificate, text, [key], now=now)
    except openpgp.SignatureRefused as refused:
        raise errors.CertificateInvalid(str(refused)) from None
    # Before anything is said of the address: an invented challenge must not be a way to ask for it.
    challenges.require_open(wanted.challenge, Purpose.REGISTER, account=account, device_key=wanted.device_key)
    if Account.objects.filter(email_index=wanted.email).exists():
        raise errors.EmailTaken
    # Before the transaction opens: a hash takes a tenth of a second, and keys of rooms above half of that.
    password = passwords.hashed(wanted.password)
    made = ports.account_made.prepare()
    try:
        with transaction.atomic():
            challenges.spend_challenge(
                wanted.challenge,
                Purpose.REGISTER,
                account=account,
                device_key=wanted.device_key,
            )
            if settings.HVX_REGISTRATION == "invite":
                _use_invite(wanted.invite)
            row = Account.objects.create(
                username=wanted.username,
                email=wanted.email,
                password=password,
                public_key=key.armored,
                fingerprint=key.fingerprint,
            )
            device = lifecycle.add_active_device(
                str(row.pk),
                account=account,
                key=wanted.device_key,
                challenge=wanted.challenge,
                certificate=certificate.armored,
                fingerprint=key.fingerprint,
                name=wanted.device_name,
                platform=wanted.device_platform,
            )
            made(str(row.pk), row.username)
            record(Event.REGISTERED, account=str(row.pk), device=device.hash)
    except IntegrityError:
        # Somebody was faster: the same questions again give the answer.
        check_registrable(wanted.username, wanted.device_key)
        raise errors.EmailTaken from None
    return SignedIn(row, device)


def _use_invite(code: str) -> None:
    if not _good_invite(code).update(uses_left=F("uses_left") - 1):
        _refuse_invite()


def _good_invite(code: str) -> QuerySet[Invite]:
    return Invite.objects.filter(digest=_invite_digest(code), uses_left__gt=0, expires_at__gt=timezone.now())


def _refuse_invite() -> NoReturn:
    throttle.refused_invite()
    raise errors.InviteInvalid


def _invite_digest(code: str) -> bytes:
    return hashlib.sha256(code.strip().encode()).digest()


@transaction.atomic
def make_invite(*, uses: int, days: int) -> str:
    """A new invite's code, which is shown once: 128 random bits, so a plain digest is enough."""
    code = secrets.token_urlsafe(INVITE_BYTES)
    Invite.objects.create(
        digest=_invite_digest(code),
        uses_left=uses,
        expires_at=timezone.now() + timedelta(days=days),
    )
    record(Event.INVITE_MADE, details={"uses": uses, "days": days})
    return code
