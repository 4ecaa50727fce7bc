"""Triggers that refuse values sealed under a retired key, so that none comes in once it is gone.

A process that was held up for longer than anybody waits (a paused machine, a lock) may still write
what it sealed long ago. Its write is refused then: an error for one caller in place of a value that
nobody can open. The lock under which a trigger is made also waits for every open transaction that
has written to the table, so whatever comes in unseen has come in before.
"""

from collections.abc import Collection
from typing import Any

from django.db import connection
from django.db.models import Model

from vault.fields import SealedField

_NAME = "vault_retired"
_REFUSAL = "sealed under a retired key"

_FUNCTION = (
    f"CREATE OR REPLACE FUNCTION {_NAME}() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
)


def stand(model: type[Model], fields: Collection[SealedField[Any, Any]], retired: Collection[bytes]) -> None:
    """Refuse these key ids in a model's sealed columns from now on. Wants a transaction.

    A trigger a column, which fires when that column is written: while a row waits to be sealed anew
    its other columns may change.
    """
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    postgresql = connection.vendor == "postgresql"
    ids = ", ".join(rf"'\x{key_id.hex()}'" if postgresql else f"x'{key_id.hex()}'" for key_id in retired)
    with connection.cursor() as cursor:
        if postgresql:
            cursor.execute(_FUNCTION)
        for field in fields:
            column = quote(str(field.column))
            found = f"substr(NEW.{column}, 2, 16) IN ({ids})"
            if postgresql:
                # Not dropped first: that would lock readers out.
                cursor.execute(
                    f"CREATE OR REPLACE TRIGGER {quote(f'{_NAME}_{field.column}')} "
                    f"BEFORE INSERT OR UPDATE OF {column} ON {table} "
                    f"FOR EACH ROW WHEN ({found}) EXECUTE FUNCTION {_NAME}()"
                )
                continue
            for kind, event in (("insert", "INSERT"), ("update", f"UPDATE OF {column}")):
                name = quote(f"{_NAME}_{kind}_{model._meta.db_table}_{field.column}")
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
                cursor.execute(
                    f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {found} "
                    f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
                )


def step_aside() -> None:
    """Drop them for a migration: SQLite drops no column that a trigger names, PostgreSQL does."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, %s) = %s",
            [len(_NAME), _NAME],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {connection.ops.quote_name(name)}")
