"""Everything that the server holds of an account, in one archive."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import orjson
from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone

from accounts import archive, passwords, ports, queries, throttle
from accounts.models import AccessKey, Account, KeyTransition, Passkey
from accounts.ports import Part
from audit.events import Event
from audit.models import AuditRow
from audit.services import chain_of, record
from devices.models import Challenge, Device, IdempotencyRecord
from devices.principal import Principal

Members = Mapping[str, str]
"""Of a row: each field that is exported, and the member that it becomes."""

ACCOUNT: Members = {
    "id": "id",
    "username": "username",
    "email": "email",
    "public_key": "public_key",
    "fingerprint": "fingerprint",
    "secret": "secret",
    "user_handle": "user_handle",
    "created_at": "created_at",
}
TRANSITION: Members = {
    "old_public_key": "old_public_key",
    "old_fingerprint": "key",
    "new_fingerprint": "new_key",
    "challenge": "challenge",
    "transition": "transition",
    "created_at": "created_at",
}
DEVICE: Members = {
    "id": "id",
    "kind": "kind",
    "state": "state",
    "hash": "device",
    "key": "device_key",
    "challenge": "challenge",
    "challenge_expires_at": "challenge_expires_at",
    "name": "name",
    "platform": "platform",
    "certificate": "certificate",
    "fingerprint": "certified_by",
    "revocation": "revocation",
    "revocation_challenge": "revocation_challenge",
    "ended": "ended",
    "scopes": "scopes",
    "created_at": "created_at",
    "certified_at": "certified_at",
    "last_seen_at": "last_seen_at",
    "ended_at": "ended_at",
    "expires_at": "expires_at",
}
PASSKEY: Members = {
    "id": "id",
    "name": "name",
    "credential_id": "credential_id",
    "public_key": "public_key",
    "sign_count": "sign_count",
    "aaguid": "aaguid",
    "backup_eligible": "backup_eligible",
    "backed_up": "backed_up",
    "transports": "transports",
    "created_at": "created_at",
    "last_used_at": "last_used_at",
}
ACCESS_KEY: Members = {"id": "key_id", "device_id": "device_id"}
CHALLENGE: Members = {
    "challenge": "challenge",
    "purpose": "purpose",
    "device_key": "device_key",
    "device": "device",
    "expires_at": "expires_at",
}
EVENT: Members = {"sequence": "sequence", "at": "at", "event": "event"}

LEFT_OUT = {
    "the password": "An Argon2id hash of it is held. It proves the password to nobody but this server.",
    "the account's private key": "The server never had it.",
    "secrets of access keys": "A SHA-256 hash of each is held.",
    "keyed hashes": (
        "The audit holds, of network addresses, devices and typed names, keyed hashes that can be "
        "compared and not read, and the hashes that join its rows. E-mail addresses are found by one too."
    ),
    "what passes": (
        "Frames of a key exchange (at most two minutes), who has a socket open, and counts of failed "
        "attempts are in memory only."
    ),
}


def export(principal: Principal, password: str) -> bytes:
    """The archive, a ZIP file. Raises PasswordWrong, RateLimited, Busy.

    One snapshot: no part is older than another. It is written down that it was given before any of
    it is read, in a transaction of its own, so that it cannot be given unseen.
    """
    throttle.asked_by_device(principal.device)
    account = queries.of(principal)
    passwords.confirm(account, password, throttle.guesses_again(principal))
    record(Event.EXPORTED, account=str(account.pk), device=principal.device)
    with _snapshot():
        account = queries.of(principal)
        now = timezone.now()
        return archive.write(
            _parts(account),
            title=(
                f"Everything that {settings.HVX_ORIGIN} holds of {account.text}\n"
                f"at {now:%Y-%m-%d %H:%M:%S} UTC. Times are RFC 3339, bytes base64url without padding.\n"
            ),
            after="Not in here:\n\n" + "".join(f"- {what}: {why}\n" for what, why in LEFT_OUT.items()),
            at=now,
        )


@contextmanager
def _snapshot() -> Iterator[None]:
    """One moment of the database, from the first read on, which keeps nobody from writing."""
    outermost = not connection.in_atomic_block
    with _begun_by_a_reader(), transaction.atomic():
        if outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


@contextmanager
def _begun_by_a_reader() -> Iterator[None]:
    """SQLite's transactions are snapshots by themselves, but here they begin by taking the writers' lock."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()  # which sets the mode as well
    wrapper = cast(Any, connection)
    usual, wrapper.transaction_mode = wrapper.transaction_mode, "DEFERRED"
    try:
        yield
    finally:
        wrapper.transaction_mode = usual


def _parts(account: Account) -> Iterable[Part]:
    own = {"account": account}
    yield Part(
        "account",
        "The account. `secret` is the account secret as your first client sealed it to the account key; "
        "`user_handle` is what passkeys know the account by.",
        {"account": account.text, **_row(account, ACCOUNT)},
    )
    yield Part(
        "key-transitions",
        "Changes of the account key, each signed by the old key and the new.",
        _rows(KeyTransition.objects.filter(**own).order_by("pk"), TRANSITION),
    )
    yield Part(
        "devices",
        "Devices, apps and access keys, those that have ended too. `device` is the device hash.",
        _rows(Device.objects.filter(**own).order_by("created_at", "pk"), DEVICE),
    )
    yield Part(
        "passkeys",
        "Passkeys. The private key of each is in its authenticator; `public_key` is a COSE_Key.",
        _rows(Passkey.objects.filter(**own).order_by("created_at", "pk"), PASSKEY),
    )
    yield Part(
        "access-keys",
        "Access keys; `device_id` says which row of devices.json has name, scopes and times.",
        _rows(AccessKey.objects.filter(device__account=account).order_by("pk"), ACCESS_KEY),
    )
    yield Part(
        "challenges",
        "Challenges that were given out and not used yet. Each lives five minutes.",
        _rows(Challenge.objects.filter(account=account.text).order_by("pk"), CHALLENGE),
    )
    yield Part(
        "remembered-answers",
        "Answers kept for 24 hours, in case a call is repeated under the same Idempotency-Key.",
        _remembered(account),
    )
    yield Part(
        "security-log",
        "What happened to the account that matters for its security.",
        _events(account),
    )
    yield from ports.export_parts(str(account.pk))


def _row(row: models.Model, members: Members) -> dict[str, Any]:
    return {member: getattr(row, field) for field, member in members.items()}


def _rows(rows: models.QuerySet[Any], members: Members) -> Iterator[dict[str, Any]]:
    for row in rows.iterator():
        yield _row(row, members)


def _remembered(account: Account) -> Iterator[dict[str, Any]]:
    for row in IdempotencyRecord.objects.filter(account=account).order_by("created_at").iterator():
        answer = orjson.loads(row.answer) if row.answer else None
        yield {"status": row.status, "answer": answer, "created_at": row.created_at}


def _events(account: Account) -> Iterator[dict[str, Any]]:
    rows = AuditRow.objects.filter(chain=chain_of(str(account.pk))).order_by("sequence")
    for row in rows.iterator():
        yield {**_row(row, EVENT), "details": orjson.loads(row.details)}
