"""How SQLite finds what it is asked for."""

from collections.abc import Iterable, Iterator

from django.db import connection


def steps(statements: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each statement that looks something up, with each step of its plan."""
    for sql in statements:
        if sql.startswith(("SELECT", "UPDATE", "DELETE")):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
                for row in cursor.fetchall():
                    yield sql, row[3]


def scans(statements: Iterable[str]) -> list[tuple[str, str]]:
    """Those steps that go through a whole table or index."""
    return [(sql, step) for sql, step in steps(statements) if step.startswith("SCAN")]
