"""Erasing an account: all of it in one transaction, or nothing."""

from uuid import UUID

from django.db import connection, transaction

from accounts import passwords, ports, queries, throttle
from accounts.errors import UnknownAccount
from accounts.models import Account, ErasedUsername
from audit.events import Event
from audit.services import record
from devices.principal import Principal
from devices.services import erasure


def erase(principal: Principal, password: str) -> None:
    """Erase the account that speaks. Raises PasswordWrong, RateLimited, Busy, UnknownAccount."""
    account = queries.of(principal)
    passwords.confirm(account, password, throttle.guesses_by_device(principal.account_id, principal.device))
    erase_account(account.pk, by=principal.device)


def erase_account(account_id: UUID, *, by: str) -> None:
    """Nothing of the account is left but what the audit must keep, and keyed hashes of its name and
    device keys. `by` is the device that asked. Raises UnknownAccount.
    """
    with transaction.atomic():
        # Not the lock of a deletion yet: that would hold up the commit of whoever just added a device
        # and holds the chain that is waited for below.
        account = Account.objects.select_for_update(no_key=True).filter(pk=account_id).first()
        if account is None:
            raise UnknownAccount
        erasure.lock_devices(str(account.pk))
        # Before anything goes: a login holds the account's chain until its commit, so none adds a device
        # between what is read of them here and their end.
        record(Event.ERASED, account=str(account.pk), device=by)
        ports.account_erased(str(account.pk), account.text)
        erasure.erase_devices(str(account.pk), account.text)
        ErasedUsername.of(account.username).save(force_insert=True)
        account.delete()
    _clean_journal()


def _clean_journal() -> None:
    """SQLite's write-ahead log still has the pages as they were. As far as no reader needs it, it is
    emptied now and not some time; a failure of that undoes nothing."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
