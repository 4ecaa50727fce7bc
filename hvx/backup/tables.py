"""The tables as migrations made them: which there are, their rows out, and their rows in.

What counts is the state of the migrations that are applied, not that of this version's models: a back-up
may be made before a migration, and restored by a later version.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from hvx.backup import records
from vault.errors import CannotOpen
from vault.fields import SealedField

Model = type[models.Model]
Migration = tuple[str, str]

MIGRATIONS_TABLE = MigrationRecorder.Migration._meta.db_table
_BATCH = 500
_BINARY: Any = models.BinaryField()


def unknown_migrations(applied: Iterable[Migration]) -> list[str]:
    """Return those that this version does not have, as `app.name`."""
    known = MigrationLoader(None).disk_migrations
    return sorted(f"{app}.{name}" for app, name in applied if (app, name) not in known)


def models_of(applied: Iterable[Migration], connection: BaseDatabaseWrapper) -> dict[str, Model]:
    """Return, by table, the models as these migrations leave them. All of them must be known."""
    loader = MigrationLoader(connection)
    nodes = [migration for migration in applied if migration in loader.graph.nodes]
    state = loader.project_state(nodes)
    there = set(connection.introspection.table_names())
    found = {
        model._meta.db_table: model
        for model in state.apps.get_models(include_auto_created=True)
        if model._meta.app_label in loader.migrated_apps
        and model._meta.managed
        and not model._meta.proxy
        and not model._meta.swapped
    }
    return {name: found[name] for name in sorted(found) if name in there}


def unaccounted(tables: Iterable[str], connection: BaseDatabaseWrapper) -> list[str]:
    """Return the database's tables that no model knows: they are in no back-up."""
    return sorted({*connection.introspection.table_names()} - {*tables} - {MIGRATIONS_TABLE})


def fields_of(model: Model) -> list[Any]:
    """Return the fields that have a column in the model's own table, and are not computed by the database."""
    return [field for field in model._meta.local_concrete_fields if not field.generated]


def columns_of(model: Model) -> tuple[str, ...]:
    """Return their columns."""
    return tuple(str(field.column) for field in fields_of(model))


# --- out


def rows_of(model: Model, alias: str) -> Iterator[records.Row]:
    """Yield the rows by key, sealed values as they are; none is opened. Constant memory."""
    names = [field.attname for field in fields_of(model)]
    found = model._base_manager.using(alias).order_by("pk").values_list(*names)
    for values in found.iterator(chunk_size=_BATCH):
        yield list(values)


# --- in


def insert(model: Model, rows: Iterable[records.Row], connection: BaseDatabaseWrapper) -> None:
    """Write the rows as they are: nothing is sealed, computed or dated anew."""
    quote = connection.ops.quote_name
    fields = fields_of(model)
    columns = ", ".join(quote(column) for column in columns_of(model))
    marks = ", ".join(["%s"] * len(fields))
    # Names come from migrations, values go by parameters.
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({marks})"  # noqa: S608
    batch: list[list[Any]] = []
    with connection.cursor() as cursor:
        for row in rows:
            batch.append(
                [_prepared(field, value, connection) for field, value in zip(fields, row, strict=True)]
            )
            if len(batch) == _BATCH:
                cursor.executemany(statement, batch)
                batch.clear()
        if batch:
            cursor.executemany(statement, batch)


def _prepared(field: Any, value: Any, connection: BaseDatabaseWrapper) -> Any:
    if value is None:
        return None
    if field.get_internal_type() == "BinaryField":
        # Past the field's own guard, which lets nothing through that it did not seal just now: these
        # are envelopes, and open only where they came from.
        return _BINARY.get_db_prep_value(records.raw(value), connection)
    return field.get_db_prep_save(field.to_python(value), connection)


def clear(found: Sequence[Model], connection: BaseDatabaseWrapper) -> None:
    """Remove what migrations themselves have put into the tables."""
    for model in found:
        if count(model._meta.db_table, connection):
            with connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608


def count(table: str, connection: BaseDatabaseWrapper) -> int:
    """Return how many rows a table has."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608
        return int(cursor.fetchone()[0])


def values_that_do_not_open(model: Model, alias: str) -> Iterator[str]:
    """Open each sealed value of a table; yield table, column and key of those that do not. Raises Sealed."""
    sealed = [field for field in fields_of(model) if isinstance(field, SealedField)]
    if not sealed:
        return
    names = ["pk", *(field.attname for field in sealed)]
    found = model._base_manager.using(alias).values_list(*names)
    for key, *values in found.iterator(chunk_size=_BATCH):
        for field, value in zip(sealed, values, strict=True):
            try:
                if value is not None:
                    field.open(key, value)
            except CannotOpen:
                yield f"{model._meta.db_table}.{field.column} of {key} does not open"
