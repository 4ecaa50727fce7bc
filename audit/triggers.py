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


# INSERT OR REPLACE removes what is in its way without a DELETE that a trigger would see: a row of the same
# place, and one of the same rowid wherever it stands. NEW.rowid is -1 where none is given.
_SQLITE: Final = {
    "audit_row_update": _sqlite("audit_row_update", f"UPDATE ON {ROWS}"),
    "audit_row_delete": _sqlite("audit_row_delete", f"DELETE ON {ROWS}"),
    "audit_row_replace": _sqlite(
        "audit_row_replace",
        f"INSERT ON {ROWS}",
        "EXISTS (SELECT 1 FROM audit_auditrow WHERE chain = NEW.chain AND sequence = NEW.sequence) "
        "OR EXISTS (SELECT 1 FROM audit_auditrow WHERE rowid = NEW.rowid)",
    ),
    "audit_head_delete": _sqlite("audit_head_delete", f"DELETE ON {HEADS}"),
    "audit_head_update": _sqlite(
        "audit_head_update",
        f"UPDATE ON {HEADS}",
        "NEW.chain <> OLD.chain OR NEW.length < OLD.length OR NEW.rowid <> OLD.rowid",
    ),
    "audit_head_replace": _sqlite(
        "audit_head_replace",
        f"INSERT ON {HEADS}",
        "EXISTS (SELECT 1 FROM audit_auditchain WHERE chain = NEW.chain AND length > NEW.length) "
        "OR EXISTS (SELECT 1 FROM audit_auditchain WHERE rowid = NEW.rowid)",
    ),
}

_POSTGRESQL_BODY: Final = f" BEGIN RAISE EXCEPTION '{_REFUSED}'; END "
_POSTGRESQL_FUNCTION: Final = (
    f"CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $${_POSTGRESQL_BODY}$$"
)


def _postgresql(name: str, on: str, how: str) -> str:
    """Word for word as pg_get_triggerdef gives it back."""
    return f"CREATE TRIGGER {name} BEFORE {on} {how} EXECUTE FUNCTION audit_refuse()"


_POSTGRESQL: Final = {
    "audit_row_change": _postgresql("audit_row_change", f"DELETE OR UPDATE ON {ROWS}", "FOR EACH ROW"),
    "audit_row_truncate": _postgresql("audit_row_truncate", f"TRUNCATE ON {ROWS}", "FOR EACH STATEMENT"),
    "audit_head_delete": _postgresql("audit_head_delete", f"DELETE ON {HEADS}", "FOR EACH ROW"),
    "audit_head_truncate": _postgresql("audit_head_truncate", f"TRUNCATE ON {HEADS}", "FOR EACH STATEMENT"),
    "audit_head_update": _postgresql(
        "audit_head_update",
        f"UPDATE ON {HEADS}",
        "FOR EACH ROW WHEN (new.chain::text <> old.chain::text OR new.length < old.length)",
    ),
}


def install(connection: BaseDatabaseWrapper) -> None:
    """Put the triggers up, in the place of those of their names; for migrations, and who takes them down."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL_FUNCTION)
            for name, statement in _POSTGRESQL.items():
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table_of(name)}")
                cursor.execute(statement)
                # For sessions that call themselves replicas too.
                cursor.execute(f"ALTER TABLE {table_of(name)} ENABLE ALWAYS TRIGGER {name}")
        else:
            for name, statement in _SQLITE.items():
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
                cursor.execute(statement)


def names(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of all triggers that belong here."""
    return list(_belonging(connection))


def faults(connection: BaseDatabaseWrapper) -> list[str]:
    """A sentence for each trigger that is missing, not in force, another than was put up, or one too many,
    and for what else turns statements aside."""
    belonging, there = _belonging(connection), _there(connection)
    placed = {(name, table) for name, table, _ in there}
    found = [
        f"the trigger {name} is missing from the database"
        for name in belonging
        if (name, table_of(name)) not in placed
    ]
    for name, table, definition in there:
        if name not in belonging or table != table_of(name):
            found.append(f"{table} has a further trigger, {name}")
        elif definition != belonging[name]:
            found.append(f"the trigger {name} is not the one that was put up, or not in force")
    return found + _around(connection)


def _around(connection: BaseDatabaseWrapper) -> list[str]:
    """A sentence for whatever else stands between a statement and these tables."""
    if connection.vendor != "postgresql":
        # A view in a table's place has none of the triggers, and SQLite has no rules.
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, r.rulename FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class "
            "WHERE c.oid IN (%s::regclass, %s::regclass) ORDER BY 1, 2",
            [ROWS, HEADS],
        )
        found = [f"{table} has a rule, {rule}" for table, rule in cursor.fetchall()]
        cursor.execute(
            "SELECT relname FROM pg_class WHERE oid IN (%s::regclass, %s::regclass) "
            "AND (relrowsecurity OR relkind <> 'r') ORDER BY 1",
            [ROWS, HEADS],
        )
        return found + [f"{table} is no plain table, or hides rows" for (table,) in cursor.fetchall()]


def _belonging(connection: BaseDatabaseWrapper) -> dict[str, str]:
    return _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE


def _there(connection: BaseDatabaseWrapper) -> list[tuple[str, str, str]]:
    """Name, table and definition of each trigger on the two tables, and of each that has a name of ours."""
    ours = list(_belonging(connection))
    if connection.vendor == "postgresql":
        # One that is switched off, or whose function is another, has a definition that is nobody's.
        question = (
            "SELECT t.tgname, t.tgrelid::regclass::text, "
            "CASE WHEN t.tgenabled = 'A' AND p.prosrc = %s AND l.lanname = 'plpgsql' "
            "THEN pg_get_triggerdef(t.oid, true) ELSE '' END "
            "FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang "
            "WHERE NOT t.tgisinternal "
            "AND (t.tgrelid IN (%s::regclass, %s::regclass) OR t.tgname = ANY(%s)) ORDER BY 1, 2"
        )
        values: list[str | list[str]] = [_POSTGRESQL_BODY, ROWS, HEADS, ours]
    else:
        question = (
            "SELECT name, lower(tbl_name), sql FROM sqlite_master WHERE type = 'trigger' "  # noqa: S608
            f"AND (lower(tbl_name) IN (%s, %s) OR name IN ({', '.join(['%s'] * len(ours))})) ORDER BY 1"
        )
        values = [ROWS, HEADS, *ours]
    with connection.cursor() as cursor:
        cursor.execute(question, values)
        return [tuple(row) for row in cursor.fetchall()]


def table_of(name: str) -> str:
    """The table that a trigger guards."""
    return ROWS if name.startswith("audit_row") else HEADS
