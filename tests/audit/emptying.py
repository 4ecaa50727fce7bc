"""The audit's tables without their guard: for Django's flush, and for tests that tamper."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations

from audit import triggers
from audit.models import AuditRow


@contextmanager
def unguarded() -> Iterator[None]:
    """Inside, rows may be changed and removed by whoever reaches the database."""
    remove_triggers()
    try:
        yield
    finally:
        triggers.install(connection)


def remove_triggers() -> None:
    with connection.cursor() as cursor:
        for name in triggers.names(connection):
            table = f" ON {triggers.table_of(name)}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{table}")


@contextmanager
def emptying_allowed() -> Iterator[None]:
    flush = BaseDatabaseOperations.execute_sql_flush

    def flushed(self: Any, sql_list: list[str]) -> None:
        if AuditRow._meta.db_table not in self.connection.introspection.table_names():
            return flush(self, sql_list)
        with unguarded():
            return flush(self, sql_list)

    with mock.patch.object(BaseDatabaseOperations, "execute_sql_flush", flushed):
        yield
