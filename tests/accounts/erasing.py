"""What the test of killed erasures has done by processes of their own: accounts made, erased, counted."""

import secrets
import uuid
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import Account, ErasedUsername, KeyTransition, Passkey
from accounts.services.erasure import erase_account
from audit.models import AuditRow
from devices.models import Challenge, Device, DeviceState, ErasedDeviceKey, IdempotencyRecord

ACCOUNTS = 400
DEVICES = 3


@transaction.atomic
def fill() -> None:
    """Accounts that have of everything; by rows, since registering takes a tenth of a second each."""
    for number in range(ACCOUNTS):
        _make(f"account{number:03}")


def _make(username: str) -> None:
    now = timezone.now()
    account = Account.objects.create(
        id=uuid.uuid4(), username=username, email=f"{username}@mail.example", public_key="x", fingerprint="x"
    )
    for _ in range(DEVICES):
        Device.objects.create(
            account=account,
            state=DeviceState.ACTIVE,
            hash=secrets.token_urlsafe(32),
            key=secrets.token_bytes(32),
            name="a device",
            last_seen_at=now,
        )
    Passkey.objects.create(
        account=account,
        credential_id=secrets.token_bytes(16),
        public_key=b"x",
        sign_count=0,
        backup_eligible=False,
        backed_up=False,
    )
    KeyTransition.objects.create(account=account, challenge=bytes(32))
    Challenge.objects.create(
        challenge=secrets.token_bytes(32), account=account.text, expires_at=now + timedelta(hours=1)
    )
    IdempotencyRecord.objects.create(
        account=account,
        digest=secrets.token_bytes(32),
        body_digest=bytes(32),
        status=200,
        answer=b"",
        created_at=now,
    )


def erase_one() -> None:
    account = Account.objects.order_by("username")[0]
    erase_account(account.pk, by="")


def check() -> None:
    """Each account is there with all that it had, or gone with all of it."""
    accounts = Account.objects.count()
    gone = ACCOUNTS - accounts
    for rows in (Passkey, KeyTransition, Challenge, IdempotencyRecord):
        assert rows.objects.count() == accounts, rows
    assert Device.objects.count() == DEVICES * accounts
    assert ErasedUsername.objects.count() == gone
    assert ErasedDeviceKey.objects.count() == DEVICES * gone
    assert AuditRow.objects.filter(event="erased").count() == gone
