"""One moment of the database, read for as long as it takes while others go on writing."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

ALIAS = "snapshot"


@contextmanager
def snapshot() -> Iterator[BaseDatabaseWrapper]:
    """Give a connection of its own, at `ALIAS`, that sees the database as it was at its first read.

    It can write nothing. SQLite: a deferred transaction, which in WAL mode keeps nobody from writing.
    PostgreSQL: REPEATABLE READ, READ ONLY.
    """
    connection = connections[DEFAULT_DB_ALIAS].copy(alias=ALIAS)
    options = connection.settings_dict["OPTIONS"]
    # The default connection begins transactions as a writer; a pool has nothing to share here.
    options.pop("transaction_mode", None)
    options.pop("pool", None)
    connections[ALIAS] = connection
    try:
        with transaction.atomic(using=ALIAS):
            with connection.cursor() as cursor:
                if connection.vendor == "postgresql":
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                else:
                    cursor.execute("PRAGMA query_only = ON")
                # The moment is that of the first read, not of the transaction's begin.
                connection.introspection.table_names(cursor)
            yield connection
    finally:
        connection.close()
        del connections[ALIAS]
