"""Cursors: Django's way to write parameters, and no row of a page that is not authentic."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from django.db.backends.sqlite3 import base
from sqlcipher3 import dbapi2

Parameters = Sequence[Any] | Mapping[str, Any]


class Cursor(dbapi2.Cursor):
    """Turns Django's `%s` and `%(name)s` into SQLite's `?` and `:name`."""

    convert_query = base.SQLiteCursorWrapper.convert_query

    def execute(self, query: str, params: Parameters | None = None) -> Any:
        if params is None:
            return super().execute(query)
        names = list(params) if isinstance(params, Mapping) else None
        return super().execute(self.convert_query(query, param_names=names), params)

    def executemany(self, query: str, param_list: Iterable[Parameters]) -> Any:
        rows = iter(param_list)
        first = list(islice(rows, 1))
        names = list(first[0]) if first and isinstance(first[0], Mapping) else None
        return super().executemany(self.convert_query(query, param_names=names), chain(first, rows))


class AuthenticCursor(Cursor):
    """For an encrypted database: answers only while every page read was authentic.

    SQLCipher replaces a page whose authentication fails by zeros and reports it when it comes to the
    next page. Zeros at the end of a long row, on a page of their own, would be taken for what stood
    there. So its state is asked for after each fetch, whether rows came or none did, and after a
    change that changed nothing. One that changes something needs no question: SQLCipher writes no
    page once it has met such a one.
    """

    def execute(self, query: str, params: Parameters | None = None) -> Any:
        result = super().execute(query, params)
        if self.rowcount == 0:
            require_authentic(self.connection)
        return result

    def executemany(self, query: str, param_list: Iterable[Parameters]) -> Any:
        result = super().executemany(query, param_list)
        if self.rowcount == 0:
            require_authentic(self.connection)
        return result

    def fetchone(self) -> Any:
        row = super().fetchone()
        require_authentic(self.connection)
        return row

    def fetchmany(self, size: int | None = None) -> Any:
        rows = super().fetchmany(self.arraysize if size is None else size)
        require_authentic(self.connection)
        return rows

    def fetchall(self) -> Any:
        rows = super().fetchall()
        require_authentic(self.connection)
        return rows

    def __next__(self) -> Any:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row


def require_authentic(connection: Any, schema: str = "main") -> None:
    """Raises sqlcipher3's DatabaseError where a page of an encrypted database was not authentic."""
    if connection.execute(f"PRAGMA {schema}.cipher_status").fetchone() != ("1",):
        raise dbapi2.DatabaseError("a page of the database is damaged or was altered")
