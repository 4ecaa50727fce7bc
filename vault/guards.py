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
    """Refuse these key ids in a model's sealed columns from now on. Wants a transaction."""
    table, quote = model._meta.db_table, connection.ops.quote_name
    columns = [quote(str(field.column)) for field in fields]
    of = f"UPDATE OF {', '.join(columns)}"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            ids = ", ".join(rf"'\x{key_id.hex()}'::bytea" for key_id in sorted(retired))
            found = " OR ".join(f"substring(NEW.{column} from 2 for 16) IN ({ids})" for column in columns)
            cursor.execute(_FUNCTION)
            cursor.execute(
                f"CREATE OR REPLACE TRIGGER {_NAME} BEFORE INSERT OR {of} ON {quote(table)} "
                f"FOR EACH ROW WHEN ({found}) EXECUTE FUNCTION {_NAME}()"
            )
            return
        ids = ", ".join(f"x'{key_id.hex()}'" for key_id in sorted(retired))
        found = " OR ".join(f"substr(NEW.{column}, 2, 16) IN ({ids})" for column in columns)
        for kind, event in (("insert", "INSERT"), ("update", of)):
            name = quote(f"{_NAME}_{kind}_{table}")
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            cursor.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON {quote(table)} WHEN {found} "
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
