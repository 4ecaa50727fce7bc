"""A plain database made an encrypted one in its place, or the other way round.

The whole database is exported into a draft beside it, compared, forced to the disk and renamed over
the old file. Killed at any moment, the file at the old name is one of the two, whole.
"""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2

from vault.sqlcipher import opening
from vault.sqlcipher.cursors import require_authentic
from vault.sqlcipher.errors import ConversionRefused
from vault.whole import sync_folder

_SCHEMA = "SELECT type, name, tbl_name, sql FROM {}.sqlite_schema"


def is_so(path: Path, *, encrypted: bool) -> bool:
    """Return whether the database is encrypted, or plain, already.

    Raises ConversionRefused where there is no database, WrongDatabase where it does not open, Sealed.
    """
    if not path.is_file() or path.stat().st_size == 0:
        raise ConversionRefused(f"there is no database at {path}")
    plain = opening.is_plain(path)
    # Only of a file that opens may anything be said.
    opening.connect(str(path), encryption=not plain).close()
    return plain is not encrypted


def convert(path: Path, *, encrypt: bool) -> None:
    """Leave the database encrypted, or plain, that is the other as yet.

    The caller holds the data folder's lock. Needs as much room again as the database has. Raises
    ConversionRefused, with nothing changed, where somebody uses the database or the copy is not equal
    to it; WrongDatabase, Sealed.
    """
    # One left by a conversion that was killed.
    draft = path.with_name(f"{path.name}.converting")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with closing(opening.connect(str(path), encryption=not encrypt, isolation_level=None)) as source:
            _take_alone(source, path)
            _export(source, draft, encrypt=encrypt)
            # While the source is still locked: what would be written now would be lost.
            _force_to_disk(draft)
            draft.replace(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _take_alone(source: Any, path: Path) -> None:
    """Lock every other connection out until this one ends, and have all of the database in one file.

    A WAL that stayed would be replayed upon the new file, to which it does not belong.
    """
    try:
        source.execute("PRAGMA locking_mode = EXCLUSIVE")
        source.execute("PRAGMA journal_mode = DELETE")
        source.execute("BEGIN EXCLUSIVE")
        source.execute("COMMIT")
    except dbapi2.OperationalError as error:
        raise ConversionRefused(f"{path} is in use ({error}): end whatever has it open") from None


def _export(source: Any, draft: Path, *, encrypt: bool) -> None:
    # As a parameter: a statement's text is cached and may be traced.
    source.execute(
        "ATTACH DATABASE ? AS draft KEY ?",
        (str(draft), opening.as_text(opening.database_key()) if encrypt else ""),
    )
    # A draft that is not complete is thrown away, so it needs no journal.
    source.execute("PRAGMA draft.journal_mode = OFF")
    source.execute("PRAGMA draft.synchronous = OFF")
    source.execute("SELECT sqlcipher_export('draft')")
    (version,) = source.execute("PRAGMA main.user_version").fetchone()
    source.execute(f"PRAGMA draft.user_version = {version:d}")
    require_authentic(source, "draft" if encrypt else "main")
    for difference in _differences(source):
        raise ConversionRefused(f"the copy is not equal to the database ({difference}); nothing was changed")
    source.execute("DETACH DATABASE draft")


def _differences(source: Any) -> Iterator[str]:
    """What tells the two apart, or that the copy is damaged; nothing where they are equal."""
    for (found,) in source.execute("PRAGMA draft.integrity_check").fetchall():
        if found != "ok":
            yield f"integrity: {found}"
    if _apart(source, _SCHEMA.format("main"), _SCHEMA.format("draft")):
        yield "schema"
    tables = source.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'").fetchall()
    for (table,) in tables:
        quoted = '"' + table.replace('"', '""') + '"'
        rows = f"SELECT * FROM {{}}.{quoted}"  # noqa: S608  # a table's own name
        if _apart(source, rows.format("main"), rows.format("draft")):
            yield f"table {table}"


def _apart(source: Any, one: str, other: str) -> bool:
    """Whether one query gives a row that the other does not, or not as many."""
    (found,) = source.execute(
        f"SELECT EXISTS({one} EXCEPT {other}) OR EXISTS({other} EXCEPT {one})"  # noqa: S608  # names from the schema
        f" OR (SELECT count(*) FROM ({one})) <> (SELECT count(*) FROM ({other}))"
    ).fetchone()
    return bool(found)


def _force_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
