"""The database wrapper: Django's own for SQLite, with sqlcipher3 in the place of sqlite3.

Django ties itself to sqlite3 in four places: the module that its errors are looked up in, the
converters and adapters registered with it, the connection and the cursor. These are replaced here.
"""

import datetime
import decimal
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.backends.sqlite3._functions import (  # type: ignore[import-untyped]  # Django's stubs leave it out
    register as register_functions,
)
from django.utils.asyncio import async_unsafe
from django.utils.dateparse import parse_date, parse_datetime, parse_time
from sqlcipher3 import dbapi2

from vault.sqlcipher import opening
from vault.sqlcipher.client import DatabaseClient

dbapi2.register_converter("bool", b"1".__eq__)
dbapi2.register_converter("date", base.decoder(parse_date))
dbapi2.register_converter("time", base.decoder(parse_time))
dbapi2.register_converter("datetime", base.decoder(parse_datetime))
dbapi2.register_converter("timestamp", base.decoder(parse_datetime))
dbapi2.register_adapter(decimal.Decimal, str)
dbapi2.register_adapter(datetime.date, base.adapt_date)
dbapi2.register_adapter(datetime.datetime, base.adapt_datetime)

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


class DatabaseWrapper(base.DatabaseWrapper):
    """`OPTIONS`: Django's for SQLite, and `encryption`, which is on where nothing is said."""

    display_name = "SQLCipher"
    Database = dbapi2
    client_class = DatabaseClient
    init_commands: list[str]

    def get_connection_params(self) -> dict[str, Any]:
        return {"encryption": True, **super().get_connection_params()}

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        path = conn_params.pop("database")
        connection = opening.connect(str(path), **conn_params)
        register_functions(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        for command in self.init_commands:
            if command.strip():
                connection.execute(command)
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        return self.connection.cursor(Cursor)
