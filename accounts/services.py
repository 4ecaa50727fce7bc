"""Writing accounts: registration, login, activation, passwords, the account key."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts import errors, openpgp, passwords, queries
from accounts.models import Account, Invite, KeyTransition
from accounts.protocol.names import account_text
from devices import queries as device_queries
from devices import services as devices
from devices.errors import ChallengeInvalid, DeviceKeyInUse, DeviceRevoked, UnknownDeviceKey
from devices.models import Device, DeviceKind, DeviceState, Ending, Purpose
from devices.principal import Principal
from devices.protocol import statements
from devices.protocol.device_hash import DeviceHash, device_hash
from devices.protocol.statements import Subject

INVITE_BYTES = 16


@dataclass(frozen=True)
class SignedIn:
    """A device that may have a token now."""

    account: Account
    device: Device


# --- Registration ----------------------------------------------------------------------------


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
    known = device_queries.device_of_key(device_key)
    if known is not None and known.state == DeviceState.ENDED:
        raise DeviceRevoked
    if not queries.is_free(username):
        raise errors.UsernameTaken
    if known is not None:
        raise DeviceKeyInUse


def register(wanted: Registration) -> SignedIn:
    """A new account and its first device, proven by the account key's certificate.

    Raises what check_registrable raises, PublicKeyRefused, CertificateInvalid, ChallengeInvalid,
    InviteInvalid, EmailTaken, and ValidationError for a weak password.
    """
    check_registrable(wanted.username, wanted.device_key)
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
    if Account.objects.filter(email_index=wanted.email).exists():
        raise errors.EmailTaken
    # Hashed before the transaction opens: it takes a tenth of a second.
    password = passwords.hashed(wanted.password)
    try:
        with transaction.atomic():
            devices.spend_challenge(
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
            device = devices.add_active_device(
                str(row.pk),
                account=account,
                key=wanted.device_key,
                challenge=wanted.challenge,
                certificate=certificate.armored,
                fingerprint=key.fingerprint,
                name=wanted.device_name,
                platform=wanted.device_platform,
            )
    except IntegrityError:
        # Somebody was faster: the same questions again give the answer.
        check_registrable(wanted.username, wanted.device_key)
        raise errors.EmailTaken from None
    return SignedIn(row, device)


def _use_invite(code: str) -> None:
    used = Invite.objects.filter(
        digest=_invite_digest(code), uses_left__gt=0, expires_at__gt=timezone.now()
    ).update(uses_left=F("uses_left") - 1)
    if not used:
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
    return code


# --- Sessions ----------------------------------------------------------------------------------


def log_in(login: str, password: str, *, device_key: bytes, name: str, platform: str) -> SignedIn:
    """A known active device comes back active, any other pending with a new challenge.

    Raises InvalidCredentials, and once the password is right DeviceKeyInUse or DeviceRevoked.
    """
    account = passwords.authenticate(queries.by_login(login), password)
    known = device_queries.device_of_key(device_key)
    if known is not None:
        if known.state == DeviceState.ENDED:
            raise DeviceRevoked
        if known.account_id != account.pk:
            raise DeviceKeyInUse
        if known.state == DeviceState.ACTIVE:
            devices.see(DeviceHash(known.hash))
            return SignedIn(account, known)
    try:
        device = devices.add_pending_device(
            str(account.pk), account=account.text, key=device_key, name=name, platform=platform
        )
    except IntegrityError:
        raise DeviceKeyInUse from None
    return SignedIn(account, device)


def refresh(device_key: bytes) -> SignedIn:
    """A device asks again by its proof alone. Raises UnknownDeviceKey or DeviceRevoked."""
    device = device_queries.device_of_key(device_key)
    if device is None:
        raise UnknownDeviceKey
    if device.state == DeviceState.ENDED:
        raise DeviceRevoked
    devices.see(DeviceHash(device.hash))
    return SignedIn(Account.objects.get(pk=device.account_id), device)


def activate(principal: Principal, certificate: str) -> SignedIn:
    """The only way from pending to active. Raises CertificateInvalid or ChallengeInvalid."""
    account = queries.of(principal)
    device = device_queries.own_device(principal.account_id, principal.device)
    if device.state != DeviceState.PENDING or device.key is None or device.challenge is None:
        raise ChallengeInvalid
    signed = _verify_certificate(account, device, certificate, key=queries.key_of(account))
    with transaction.atomic():
        # The account key may have changed since it was read; then the certificate is another's.
        still = Account.objects.select_for_update().get(pk=account.pk)
        if still.fingerprint != signed.fingerprint:
            raise errors.CertificateInvalid("the account key has changed")
        device = devices.activate(
            principal.device, certificate=signed.armored, fingerprint=signed.fingerprint
        )
    return SignedIn(account, device)


def _verify_certificate(
    account: Account, device: Device, certificate: str, *, key: openpgp.AccountKey
) -> openpgp.Signed:
    if device.key is None or device.challenge is None:
        raise errors.CertificateInvalid("this device has no key")
    text = statements.device_certificate(
        Subject(origin=settings.HVX_ORIGIN, account=account.text, fingerprint=key.fingerprint),
        DeviceHash(device.hash),
        bytes(device.key),
        bytes(device.challenge),
    )
    try:
        [signed] = openpgp.verify(certificate, text, [key], now=timezone.now())
    except openpgp.SignatureRefused as refused:
        raise errors.CertificateInvalid(str(refused)) from None
    return signed


@dataclass(frozen=True)
class Revocation:
    """A signed revocation and the challenge that it was made for."""

    challenge: bytes
    revocation: str


def end_on_its_word(principal: Principal, *, key_backed_up: bool) -> None:
    """A device logs itself out without a statement. Raises LastDevice."""
    device = device_queries.own_device(principal.account_id, principal.device)
    devices.end_device(device, Ending.LOGOUT, key_backed_up=key_backed_up)


def revoke(
    principal: Principal, device: Device, revocation: Revocation | None, *, key_backed_up: bool
) -> None:
    """End a device of the principal's account; one with a key by a signed revocation.

    Raises RevocationInvalid, ChallengeInvalid, LastDevice, DeviceEnded.
    """
    if device.kind != DeviceKind.DEVICE or device.key is None:
        devices.end_device(device, Ending.REVOKED, key_backed_up=key_backed_up)
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
        devices.spend_challenge(
            revocation.challenge,
            Purpose.REVOKE,
            account=account.text,
            device_key=principal.device_key,
            device=device.hash,
        )
        devices.end_device(
            device,
            Ending.REVOKED if device.hash != principal.device else Ending.LOGOUT,
            key_backed_up=key_backed_up,
            revocation=signed.armored,
            revocation_challenge=revocation.challenge,
        )


# --- One's own account ---------------------------------------------------------------------------


@transaction.atomic
def change_email(account: Account, email: str) -> Account:
    """Another address. Raises EmailTaken."""
    account.email = email
    try:
        with transaction.atomic():
            account.save(update_fields=["email", "email_index"])
    except IntegrityError:
        raise errors.EmailTaken from None
    return account


def change_password(account: Account, old: str, new: str) -> None:
    """Raises PasswordWrong, and ValidationError for a weak one. Ends no device by itself."""
    passwords.confirm(account, old)
    account.password = passwords.hashed(new, field="new_password")
    account.save(update_fields=["password"])


@transaction.atomic
def keep_secret(account: Account, message: str) -> None:
    """Store the account secret's OpenPGP message; a later one takes its place."""
    account.secret = message
    account.save(update_fields=["secret"])


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

    Raises PasswordWrong, PublicKeyRefused, KeyUnchanged, TransitionInvalid, CertificateInvalid,
    UnknownDevice, ChallengeInvalid.
    """
    account = queries.of(principal)
    passwords.confirm(account, password)
    now = timezone.now()
    old, new = queries.key_of(account), openpgp.read_public_key(public_key, now=now)
    if new.fingerprint == old.fingerprint:
        raise errors.KeyUnchanged
    text = statements.key_transition(queries.subject_of(account), new.fingerprint, challenge)
    try:
        signed = openpgp.verify(transition, text, [old, new], now=now)
    except openpgp.SignatureRefused as refused:
        raise errors.TransitionInvalid(str(refused)) from None
    verified = {
        hash_: _verify_certificate(
            account,
            device_queries.own_device(principal.account_id, hash_),
            certificate,
            key=new,
        ).armored
        for hash_, certificate in certificates.items()
    }
    with transaction.atomic():
        row = Account.objects.select_for_update().get(pk=account.pk)
        if row.fingerprint != old.fingerprint:
            raise errors.TransitionInvalid("the account key has changed")
        devices.spend_challenge(
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
        demoted = devices.certify_anew(str(row.pk), verified, new.fingerprint)
    return row, list(demoted)


def ask_password_reset(login: str) -> bytes:
    """A challenge, for an account and for nobody alike: the same rows are written for either."""
    account = queries.by_login(login)
    name = account.text if account else f"nobody:{hashlib.sha256(login.encode()).hexdigest()}"
    return devices.give_challenge(Purpose.PASSWORD_RESET, account=name)


def reset_password(login: str, *, challenge: bytes, statement: str, password: str) -> None:
    """A new password by the account key's signature.

    Raises ChallengeInvalid for whatever does not hold, so that nobody learns by it which e-mail
    addresses have accounts; ValidationError for a weak password, before anything is looked up.
    """
    new = passwords.hashed(password)
    account = queries.by_login(login)
    if account is None:
        raise ChallengeInvalid
    text = statements.password_reset(queries.subject_of(account), challenge)
    try:
        openpgp.verify(statement, text, [queries.key_of(account)], now=timezone.now())
    except openpgp.SignatureRefused:
        raise ChallengeInvalid from None
    with transaction.atomic():
        devices.spend_challenge(challenge, Purpose.PASSWORD_RESET, account=account.text)
        account.password = new
        account.save(update_fields=["password"])
