"""Rotating the key of sealed fields while servers run: docs/decisions/0017.

A generation is begun, every value is sealed anew under it, and the older generations are destroyed
when it is proven that nothing stands under them and made sure that nothing can come. Each step may
be cut off anywhere and is taken up by the next run, which finds in the ring how far it had come.
"""

import os
import time
from collections.abc import Callable, Collection, Iterable
from uuid import UUID

from django.db import IntegrityError, OperationalError, connection, transaction

from audit.events import Event
from audit.services import Detail, record
from vault import guards, keyring, keys, settling
from vault.envelope import KEY_LENGTH
from vault.keyring import FIELDS, RingKey
from vault.models import DataKey
from vault.resealing import Batch, Count, Table, counts, reseal, sealed_tables

# By then every process seals under the new generation: the ring's age, and a second for the clocks.
TAKEN_UP_SECONDS = keyring.FRESH_SECONDS + 1
# A guard waits no longer than this for writers, since others wait behind it; then it tries again.
_LOCK_MILLISECONDS = 300
_LOCK_ATTEMPTS = 100
_PAUSE_SECONDS = 0.2
# So many sweeps in a row that find values and can seal none are enough to give up.
_PATIENCE = 10


class NotProven(Exception):
    """Values are left that do not stand under the new key; no key was destroyed."""


def rotate(
    *,
    on_batch: Callable[[Batch], None] = lambda batch: None,
    on_take_up: Callable[[float], None] = lambda seconds: None,
    wait: Callable[[float], None] = time.sleep,
) -> list[Count]:
    """Do the whole of it and return the proof. Raises NotProven, Sealed, AuditUnavailable.

    Begins a generation, or takes up the rotation that was cut off. `on_take_up` is told how many seconds
    are to be waited for servers to take up the new key.
    """
    began = time.monotonic()
    new, older = begin()
    tables = sealed_tables()
    for table in tables:
        for batch in reseal(table, new, older, wait=wait):
            on_batch(batch)
    # Counted from the start of this run, since nobody knows when a run that was cut off had begun.
    left = max(0.0, TAKEN_UP_SECONDS - (time.monotonic() - began))
    on_take_up(left)
    wait(left)
    retiring = [key.id for key in older]
    for table in tables:
        guard(table, [*retired_ids(), *retiring], wait=wait)
        _reseal_stragglers(table, new, older, on_batch, wait)
    proof = prove(tables, new)
    retire(new, retiring, sum(count.values for count in proof))
    return proof


def begin() -> tuple[RingKey, list[RingKey]]:
    """Return the newest generation's key and the older ones; where there is only one, begin the next.

    Raises Sealed; RootKeyMismatch where the root key has been rotated meanwhile.
    """
    if connection.in_atomic_block:
        raise RuntimeError("data keys are not made inside a transaction that may roll back")
    # Or a rotation of the root key could miss the new row, and leave it wrapped under the old one.
    with settling.changing(keys.vault_path()):
        *older, new = keyring.generations(FIELDS)
        if not older:
            _begin_after(new)
            *older, new = keyring.generations(FIELDS)
    return new, older


def _begin_after(key: RingKey) -> None:
    try:
        with transaction.atomic():
            keyring.unwrap(keys.root(), DataKey.objects.get(id=UUID(bytes=key.id)))
            row = DataKey(purpose=FIELDS, generation=key.generation + 1)
            row.wrapped = keyring.wrap(keys.root(), row, os.urandom(KEY_LENGTH))
            row.save(force_insert=True)
            record(Event.DATA_KEY_ROTATED, details={"step": "begun", "generation": row.generation})
    except IntegrityError:
        pass  # another machine has begun it this very moment, and both go on with it


def guard(table: Table, retired: Iterable[bytes], *, wait: Callable[[float], None] = time.sleep) -> None:
    """From here on the database refuses a value of this table under one of these keys."""
    refused = set(retired)
    for attempt in range(_LOCK_ATTEMPTS):
        try:
            with transaction.atomic():
                if connection.vendor == "postgresql":
                    with connection.cursor() as cursor:
                        cursor.execute(f"SET LOCAL lock_timeout = {_LOCK_MILLISECONDS}")
                guards.stand(table.model, table.fields, refused)
            return
        except OperationalError:
            if attempt == _LOCK_ATTEMPTS - 1:
                raise
            wait(_PAUSE_SECONDS)


def guard_again(existing: Collection[str]) -> None:
    """Guard the tables as they were before a migration."""
    if retired := retired_ids():
        for table in sealed_tables():
            if str(table) in existing:
                guard(table, retired)


def _reseal_stragglers(
    table: Table,
    new: RingKey,
    older: list[RingKey],
    on_batch: Callable[[Batch], None],
    wait: Callable[[float], None],
) -> None:
    """Sweep until nothing is left. None can be added any more, and a lock is not held for ever."""
    older_ids = {key.id for key in older}
    patience = _PATIENCE
    while patience and any(count.key_id in older_ids for count in counts([table])):
        resealed = 0
        for batch in reseal(table, new, older, wait=wait):
            resealed += batch.resealed
            on_batch(batch)
        patience = _PATIENCE if resealed else patience - 1
        wait(0 if resealed else _PAUSE_SECONDS)


def prove(tables: Iterable[Table], new: RingKey) -> list[Count]:
    """Return the count by key of each column. Raises NotProven unless all stand under the new key."""
    proof = counts(tables)
    left = [count for count in proof if count.generation is None or count.generation < new.generation]
    if left:
        told = ", ".join(f"{count.values} in {count.table}.{count.column}" for count in left)
        raise NotProven(f"values that do not open under a key of the ring are left: {told}")
    return proof


def retired_ids() -> list[bytes]:
    """Return the ids of the keys that were destroyed."""
    rows = DataKey.objects.filter(purpose=FIELDS, wrapped=DataKey.DESTROYED)
    return [row.id.bytes for row in rows]


def retire(new: RingKey, retiring: list[bytes], values: int) -> None:
    """Destroy the older keys; the record and the deed are one transaction."""
    with transaction.atomic():
        destroyed = (
            DataKey.objects.filter(id__in=[UUID(bytes=key_id) for key_id in retiring])
            .exclude(wrapped=DataKey.DESTROYED)
            .update(wrapped=DataKey.DESTROYED)
        )
        details: dict[str, Detail] = {"step": "proven", "generation": new.generation}
        record(Event.DATA_KEY_ROTATED, details={**details, "values": values, "destroyed": destroyed})
    keyring.load()
