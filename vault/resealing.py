"""Finding what is sealed, sealing it anew, counting it: the work of `vault.rotation`."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model, QuerySet

from vault import queries
from vault.envelope import KEY_ID
from vault.errors import CannotOpen
from vault.fields import SealedField
from vault.keyring import FIELDS, RingKey

BATCH = 200


@dataclass(frozen=True)
class Table:
    """A table with sealed columns."""

    model: type[Model]
    fields: tuple[SealedField[Any, Any], ...]

    def __str__(self) -> str:
        return self.model._meta.db_table

    def rows(self) -> int:
        return QuerySet(self.model).count()


@dataclass(frozen=True)
class Batch:
    """How many rows were looked at, and how many values were sealed anew."""

    table: Table
    rows: int
    resealed: int


@dataclass(frozen=True)
class Count:
    """How many values of a column stand under a key; `generation` is None for one not in the ring."""

    table: str
    column: str
    key_id: bytes
    generation: int | None
    values: int


def sealed_tables() -> list[Table]:
    """Return every table of the application registry that has a sealed column."""
    found = []
    for model in apps.get_models(include_auto_created=True, include_swapped=True):
        fields = tuple(field for field in model._meta.local_concrete_fields if isinstance(field, SealedField))
        if fields and not model._meta.proxy and not model._meta.swapped:
            found.append(Table(model, fields))
    return found


def reseal(
    table: Table,
    new: RingKey,
    older: Iterable[RingKey],
    *,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[Batch]:
    """Seal every value of a table that stands under an older key anew, row by row in batches.

    A value that does not open is left as it is, for the proof to tell.
    """
    older_ids = {key.id for key in older}
    names = [field.attname for field in table.fields]
    everything: QuerySet[Any, Any] = QuerySet(table.model).order_by("pk").values_list("pk", *names)
    rows = list(everything[:BATCH])
    while rows:
        began = time.monotonic()
        resealed = _write(table, _sealed_anew(table, rows, new, older_ids))
        yield Batch(table, len(rows), resealed)
        if resealed:
            # SQLite's writers take no turns: as long again for them.
            wait(time.monotonic() - began)
        rows = list(everything.filter(pk__gt=rows[-1][0])[:BATCH])


# New envelope, row's key as the database has it, old envelope: by column.
_Changes = dict[str, list[tuple[bytes, Any, bytes]]]


def _sealed_anew(table: Table, rows: list[tuple[Any, ...]], new: RingKey, older: set[bytes]) -> _Changes:
    pk = table.model._meta.pk
    changes: _Changes = {}
    for row, *values in rows:
        for field, value in zip(table.fields, values, strict=True):
            if value is None or value[KEY_ID] not in older:
                continue
            try:
                envelope = field.reseal(row, value, new)
            except CannotOpen:
                continue
            key = pk.get_db_prep_value(row, connection)
            changes.setdefault(str(field.column), []).append((envelope, key, value))
    return changes


def _write(table: Table, changes: _Changes) -> int:
    """Put the new envelopes in place of the old, where those still stand; return how many.

    The old envelope is named in the UPDATE: a newer value is not overwritten and a deleted row does
    not come back. Rows that somebody else has locked are left for the next sweep: whoever waits for
    no lock is in no deadlock.
    """
    if not changes:
        return 0
    pk = table.model._meta.pk
    quote = connection.ops.quote_name
    written = 0
    with transaction.atomic(), connection.cursor() as cursor:
        wanted = {key for column in changes.values() for _, key, _ in column}
        rows: QuerySet[Any, Any] = QuerySet(table.model).filter(pk__in=wanted).values_list("pk", flat=True)
        free = rows.select_for_update(skip_locked=True, no_key=True)
        locked = {pk.get_db_prep_value(row, connection) for row in free}
        for column, values in changes.items():
            cursor.executemany(
                f"UPDATE {quote(str(table))} SET {quote(column)} = %s "  # noqa: S608
                f"WHERE {quote(str(pk.column))} = %s AND {quote(column)} = %s",
                [value for value in values if value[1] in locked],
            )
            written += max(cursor.rowcount, 0)
    return written


def counts(tables: Iterable[Table]) -> list[Count]:
    """Count the values of each column by the key that they stand under."""
    generations = {row.id.bytes: row.generation for row in queries.data_keys() if row.purpose == FIELDS}
    quote = connection.ops.quote_name
    found = []
    for table in tables:
        for field in table.fields:
            column = quote(str(field.column))
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT substr({column}, 2, 16), count(*) FROM {quote(str(table))} "  # noqa: S608
                    f"WHERE {column} IS NOT NULL GROUP BY 1"
                )
                values: Counter[bytes] = Counter()
                for key_id, number in cursor.fetchall():
                    values[bytes(key_id)] += number
            for key_id in sorted(values):
                found.append(
                    Count(str(table), str(field.column), key_id, generations.get(key_id), values[key_id])
                )
    return found
