"""The database wrapper: Django's own for SQLite, with sqlcipher3 in the place of sqlite3.

Django ties itself to sqlite3 in four places: the module that its errors are looked up in, the
converters and adapters registered with it, the connection and the cursor. These are replaced here.
"""

import datetime
import decimal
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
from vault.sqlcipher.cursors import AuthenticCursor, Cursor

dbapi2.register_converter("bool", b"1".__eq__)
dbapi2.register_converter("date", base.decoder(parse_date))
dbapi2.register_converter("time", base.decoder(parse_time))
dbapi2.register_converter("datetime", base.decoder(parse_datetime))
dbapi2.register_converter("timestamp", base.decoder(parse_datetime))
dbapi2.register_adapter(decimal.Decimal, str)
dbapi2.register_adapter(datetime.date, base.adapt_date)
dbapi2.register_adapter(datetime.datetime, base.adapt_datetime)


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
        options = dict(conn_params)
        connection = opening.connect(str(options.pop("database")), **options)
        self._cursor_class = AuthenticCursor if conn_params["encryption"] else Cursor
        register_functions(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        for command in self.init_commands:
            if command.strip():
                connection.execute(command)
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        return self.connection.cursor(self._cursor_class)
