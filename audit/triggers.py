"""What the database itself refuses: to change or remove a row, to remove a head, to make a chain shorter.

A guard against mistakes and against whoever has the application's way to the database. Who owns the
database can take them off again; that and what he does then is for `audit verify` to find.
"""

from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

ROWS: Final = "audit_auditrow"
HEADS: Final = "audit_auditchain"

_REFUSED = "the audit is append-only"


def _sqlite(name: str, on: str, when: str = "") -> str:
    condition = f"WHEN {when} " if when else ""
    return f"CREATE TRIGGER {name} BEFORE {on} {condition}BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"


# INSERT OR REPLACE removes what is in its way without a DELETE that a trigger would see.
_SQLITE: Final = {
    "audit_row_update": _sqlite("audit_row_update", f"UPDATE ON {ROWS}"),
    "audit_row_delete": _sqlite("audit_row_delete", f"DELETE ON {ROWS}"),
    "audit_row_replace": _sqlite(
        "audit_row_replace",
        f"INSERT ON {ROWS}",
        "EXISTS (SELECT 1 FROM audit_auditrow WHERE chain = NEW.chain AND sequence = NEW.sequence)",
    ),
    "audit_head_delete": _sqlite("audit_head_delete", f"DELETE ON {HEADS}"),
    "audit_head_update": _sqlite(
        "audit_head_update", f"UPDATE ON {HEADS}", "NEW.chain <> OLD.chain OR NEW.length < OLD.length"
    ),
    "audit_head_replace": _sqlite(
        "audit_head_replace",
        f"INSERT ON {HEADS}",
        "EXISTS (SELECT 1 FROM audit_auditchain WHERE chain = NEW.chain AND length > NEW.length)",
    ),
}

_POSTGRESQL_FUNCTION: Final = (
    "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
)


def _postgresql(name: str, on: str, table: str, how: str) -> tuple[str, ...]:
    return (
        f"CREATE TRIGGER {name} BEFORE {on} ON {table} {how} EXECUTE FUNCTION audit_refuse()",
        # For sessions that call themselves replicas too.
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
    )


_POSTGRESQL: Final = {
    "audit_row_change": _postgresql("audit_row_change", "UPDATE OR DELETE", ROWS, "FOR EACH ROW"),
    "audit_row_truncate": _postgresql("audit_row_truncate", "TRUNCATE", ROWS, "FOR EACH STATEMENT"),
    "audit_head_delete": _postgresql("audit_head_delete", "DELETE", HEADS, "FOR EACH ROW"),
    "audit_head_truncate": _postgresql("audit_head_truncate", "TRUNCATE", HEADS, "FOR EACH STATEMENT"),
    "audit_head_update": _postgresql(
        "audit_head_update",
        "UPDATE",
        HEADS,
        "FOR EACH ROW WHEN (NEW.chain <> OLD.chain OR NEW.length < OLD.length)",
    ),
}


def install(connection: BaseDatabaseWrapper) -> None:
    """Put the triggers up; for the migration, and for whatever makes these tables anew."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL_FUNCTION)
            for statements in _POSTGRESQL.values():
                for statement in statements:
                    cursor.execute(statement)
        else:
            for statement in _SQLITE.values():
                cursor.execute(statement)


def names(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of all triggers that belong here."""
    return list(_POSTGRESQL if connection.vendor == "postgresql" else _SQLITE)


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of the triggers that are not there, or not in force."""
    if connection.vendor == "postgresql":
        question = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'A'"
    else:
        question = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    with connection.cursor() as cursor:
        cursor.execute(question)
        there = {name for (name,) in cursor.fetchall()}
    return [name for name in names(connection) if name not in there]


def table_of(name: str) -> str:
    """The table that a trigger guards."""
    return ROWS if name.startswith("audit_row") else HEADS
