"""What stands under the keys of a purpose. Where anything does, a lost key comes from a back-up alone.

A key made in its place would open nothing of what is there, and find nobody. So each purpose has its
proof that it never had a key, and one that an upgrade brings needs one here too.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from django.apps import apps
from django.db import connection
from django.db.models import Field

from audit.models import AuditChain, AuditRow
from vault.blind_index import BlindIndexField
from vault.fields import SealedField
from vault.keyring import AUDIT, BLIND_INDEX, FIELDS, FILES
from vault.models import DataKey


def lost(purposes: Collection[str]) -> dict[str, str]:
    """Return those of these purposes, without a living key, that had one; to each what tells so."""
    found = {}
    for purpose in purposes:
        if what := next(_PROOFS[purpose](), None):
            found[purpose] = what
        elif DataKey.objects.filter(purpose=purpose).exists():
            found[purpose] = "a destroyed key of that purpose"
    return found


def _sealed_values() -> Iterator[str]:
    return _values_of(SealedField)


def _blind_indexes() -> Iterator[str]:
    return _values_of(BlindIndexField)


def _audit() -> Iterator[str]:
    """Files stand outside of the database, so for them too: no key is there before the audit has rows."""
    tables = connection.introspection.table_names()
    for model in (AuditRow, AuditChain):
        if model._meta.db_table in tables and model.objects.exists():
            yield f"a row of {model._meta.db_table}"


_PROOFS: Mapping[str, Callable[[], Iterator[str]]] = {
    FIELDS: _sealed_values,
    BLIND_INDEX: _blind_indexes,
    AUDIT: _audit,
    FILES: _audit,
}


def _values_of(kind: type) -> Iterator[str]:
    """Name each column of this kind that holds anything. Half-way through a migrating some are not there."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        for table, wanted in _columns(kind).items():
            if table not in tables:
                continue
            there = {found.name for found in connection.introspection.get_table_description(cursor, table)}
            for column in sorted(wanted & there):
                cursor.execute(
                    f"SELECT 1 FROM {quote(table)} WHERE {quote(column)} IS NOT NULL LIMIT 1"  # noqa: S608
                )
                if cursor.fetchone():
                    yield f"a value in {table}.{column}"


def _columns(kind: type) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for model in apps.get_models(include_auto_created=True, include_swapped=True):
        fields: list[Field[object, object]] = list(model._meta.local_concrete_fields)
        for field in fields:
            if isinstance(field, kind):
                found.setdefault(model._meta.db_table, set()).add(str(field.column))
    return found
