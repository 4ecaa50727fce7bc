"""Erasing an account: all of it in one transaction, or nothing."""

import logging
from uuid import UUID

from django.db import OperationalError, connection, transaction

from accounts import passwords, ports, queries, throttle
from accounts.errors import UnknownAccount
from accounts.models import ErasedUsername
from audit.events import Event
from audit.services import record
from devices.principal import Principal
from devices.services import erasure

log = logging.getLogger("accounts.erasure")

# Writers wait while the log is emptied, and that waits for readers.
PATIENCE_MS = 500


def erase(principal: Principal, password: str) -> None:
    """Erase the account that speaks. Raises PasswordWrong, RateLimited, Busy, DeviceRevoked."""
    account = queries.of(principal)
    passwords.confirm(account, password, throttle.guesses_again(principal))
    erase_account(account.pk, by=principal.device)


def erase_account(account_id: UUID, *, by: str) -> None:
    """Nothing of the account is left but what the audit must keep, and keyed hashes of its name and
    device keys. `by` is the device that asked. Raises UnknownAccount.
    """
    with transaction.atomic():
        account = queries.locked(account_id)
        if account is None:
            raise UnknownAccount
        erasure.lock_devices(str(account.pk))
        # Before anything goes, since others wait for the chain with rows locked that are deleted below.
        record(Event.ERASED, account=str(account.pk), device=by)
        ports.account_erased(str(account.pk), account.text)
        erasure.erase_devices(str(account.pk), account.text)
        ErasedUsername.of(account.username).save(force_insert=True)
        account.delete()
    _clean_journal()


def _clean_journal() -> None:
    """SQLite's write-ahead log still has the pages as they were, until it is written over. Where nobody
    reads just now it is emptied at once; the erasure holds whether or not that succeeds."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return
    usual = int(connection.settings_dict["OPTIONS"]["timeout"] * 1000)
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except OperationalError:
            log.info("the write-ahead log was in use and was not emptied")
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {usual}")
