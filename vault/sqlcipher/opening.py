"""Opening a file of the database by its key, or saying in one sentence why it does not open."""

import os
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2

from audit import head_file
from vault import keys
from vault.keys import database_key as database_key
from vault.sqlcipher.errors import WrongDatabase

PLAIN_HEADER = b"SQLite format 3\x00"


def connect(path: str, *, encryption: bool, anew: bool = False, **options: Any) -> Any:
    """Return a connection that has read its first page. Raises WrongDatabase, Sealed.

    Where there is no database one is begun by who may begin one (`keys.let_begin`), unless there was one:
    `anew` is for a restore, which knows.

    No variable here ever holds the key, for an error's traceback holds the variables. It is handed
    over by SQLCipher's own function, not as a statement: no list of queries, cache of statements or
    trace ever sees it.
    """
    if not anew:
        _refuse_lost(Path(path))
        if not keys.may_begin() and not os.path.exists(path):
            raise WrongDatabase(
                f"nothing is here: there is no database at {path}. Is HVX_DATA_DIR right? A new server "
                "begins by manage.py migrate"
            )
    if encryption:
        if not os.path.exists(path):
            keys.begin()
        # Asked for before the file is touched: a sealed vault leaves no empty database behind.
        database_key()
    connection = dbapi2.connect(path, **options)
    try:
        if encryption:
            connection.set_key(as_text(database_key()))
        # SQLCipher would write to standard error, past the log, what the exceptions say anyway.
        connection.execute("PRAGMA cipher_log_level = NONE")
        # What does not fit into memory while sorting must not go to a plain file beside.
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except dbapi2.DatabaseError as error:
        connection.close()
        if getattr(error, "sqlite_errorcode", None) != dbapi2.SQLITE_NOTADB:
            raise
    else:
        return connection
    raise WrongDatabase(_what_it_is(Path(path), encryption=encryption))


def _refuse_lost(path: Path) -> None:
    """Raises WrongDatabase where a server has served from this folder: its head of the audit is left."""
    head = path.with_name(head_file.NAME)
    if head.exists() and not (path.exists() and path.stat().st_size):
        raise WrongDatabase(
            f"there is no database at {path}, and {head.name} beside it says that there was one: move the "
            "folder away, and begin anew or restore a back-up; or set HVX_DATABASE_URL if it is PostgreSQL's"
        )


def as_text(key: bytes) -> str:
    """Return 32 bytes as SQLCipher takes a key that is no passphrase, to be used as it is."""
    return f"x'{key.hex()}'"


def is_plain(path: Path) -> bool:
    """Return whether the file begins as a plain SQLite database does."""
    with path.open("rb") as file:
        return file.read(len(PLAIN_HEADER)) == PLAIN_HEADER


def _what_it_is(path: Path, *, encryption: bool) -> str:
    if not encryption:
        return (
            f"{path} is encrypted, or no database, and HVX_DATABASE_ENCRYPTION is off: set it to on, "
            "or run `manage.py vault encrypt-database --decrypt`"
        )
    if is_plain(path):
        return (
            f"{path} is a plain database, and HVX_DATABASE_ENCRYPTION is on: run "
            "`manage.py vault encrypt-database`, or set HVX_DATABASE_ENCRYPTION=off"
        )
    return (
        f"{path} does not open by this vault's database key: it belongs to another vault, "
        "or its first page is damaged"
    )
