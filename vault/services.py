"""Writes of the key ring."""

import os

from django.db import IntegrityError, connection, transaction

from audit.events import Event
from audit.services import record
from vault import keyring, keys, ports, queries, settling, standing
from vault.envelope import KEY_LENGTH
from vault.errors import RingMissing
from vault.models import DataKey
from vault.rootkey import RootKey


def ensure_ring() -> None:
    """Make the ring complete: one key for every purpose, all of them open.

    Called after every `migrate` and before a server serves. A key is made for a purpose that never
    had one, and by `migrate` on an empty ring, and only there, a missing root key too. Raises RingMissing
    where a key is gone that something stands under, RootKeyMissing or RootKeyMismatch where the ring belongs
    to a root key that is not at hand, another RootKeyError, CannotOpen for a damaged ring,
    RuntimeError inside a transaction.
    """
    found = queries.data_keys()
    if missing := _missing(found):
        _refuse_lost(missing)
    if not found and keys.may_begin():
        keys.begin()
    keyring.load()
    if missing := _missing(queries.data_keys()):
        _begin(keys.root(), missing)
        keyring.load()


def _missing(found: list[DataKey]) -> list[str]:
    there = {row.purpose for row in found}
    return [purpose for purpose in keyring.PURPOSES if purpose not in there]


def _refuse_lost(missing: list[str]) -> None:
    """Raises RingMissing for a purpose without a key that had one."""
    lost = standing.lost(missing)
    # Another process may have begun it meanwhile: its key was there before anything stood under it.
    gone = [purpose for purpose in _missing(queries.data_keys()) if purpose in lost]
    if gone:
        told = " and ".join(f"its key for {purpose!r}, though there is {lost[purpose]}" for purpose in gone)
        raise RingMissing(
            f"the key ring has lost {told}. Another key would open nothing of that, so none is made: "
            "restore a back-up that has it"
        )


def _begin(root_key: RootKey, purposes: list[str]) -> None:
    """Make the first generation of each purpose, all in one transaction of its own.

    Workers that start at once try the same (purpose, generation) in the same order: the
    unique constraint lets one of them have all, and the others find its keys.
    """
    if connection.in_atomic_block:
        raise RuntimeError("data keys are not made inside a transaction that may roll back")
    try:
        # Not while the root key is being replaced: a key wrapped under the old one would stay behind.
        with settling.changing(keys.vault_path()), transaction.atomic():
            keys.opened()
            first = not DataKey.objects.exists()
            for purpose in purposes:
                row = DataKey(purpose=purpose, generation=1)
                row.wrapped = keyring.wrap(root_key, row, os.urandom(KEY_LENGTH))
                row.save(force_insert=True)
            if first:
                keyring.load()
                ports.ring_begun()
    except IntegrityError:
        keyring.forget()
    except BaseException:
        # What was read of it in between may be nowhere now.
        keyring.forget()
        raise


def rewrap_ring(former: RootKey, new: RootKey) -> None:
    """Wrap every key of the ring under another root key, in one transaction that the audit has a row of.

    The keys stay, and with them whatever is sealed. Raises RootKeyMismatch, CannotOpen, AuditUnavailable.
    """
    with transaction.atomic():
        # First: the audit's own key comes from the ring, which this process reads under the former.
        rows = queries.data_keys()
        record(Event.ROOT_KEY_ROTATED, details={"keys": len(rows)})
        for row in rows:
            row.wrapped = keyring.wrap(new, row, keyring.unwrap(former, row).material)
        DataKey.objects.bulk_update(rows, ["wrapped"])
