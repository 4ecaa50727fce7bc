"""Where a back-up is restored to: an empty place, and how a place says that it is half restored.

The mark is a file in the data folder with the back-up's digest. It is there before anything else is
written and goes when everything is there. While it stands no server starts and nothing is migrated.
"""

from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from django.db import OperationalError, connection

from hvx.backup.errors import RestoreRefused
from vault import keys, ownfile
from vault.whole import remove_drafts, sync_folder

MARK = "restoring"


def mark_path() -> Path:
    return Path(settings.HVX_DATA_DIR) / MARK


def require_none_under_way() -> None:
    """Raises CommandError where a restore was begun and has not ended. Asked before every command but
    `restore` and `vault status`: what changes a place that is half there leaves one that does not open.
    """
    if mark_path().exists():
        raise CommandError(
            f"a restore into {settings.HVX_DATA_DIR} is under way or was cut short: run manage.py restore "
            "again with the same file, or empty the place."
        )


def require_empty(digest: str) -> bool:
    """Return whether this place is empty, or False where the same back-up was begun to be restored here.

    Raises RestoreRefused for a place that holds anything else.
    """
    mark = mark_path()
    if mark.exists():
        if mark.read_text() == digest:
            return False
        raise RestoreRefused(
            f"a restore of another back-up into {settings.HVX_DATA_DIR} was cut short: empty the place first."
        )
    found = [str(path) for path in (keys.vault_path(), *_database_files()) if path.exists()]
    if found:
        raise RestoreRefused(f"the place is not empty: there is {', '.join(found)}. Nothing was touched.")
    if connection.vendor == "postgresql" and _answers_with_tables():
        raise RestoreRefused("the place is not empty: the database has tables. Nothing was touched.")
    return True


def _answers_with_tables() -> bool:
    try:
        return has_tables()
    except OperationalError as error:
        # Its first line names what is missing; the driver puts no password into it.
        reason = str(error).partition("\n")[0]
        raise RestoreRefused(
            f"the database of HVX_DATABASE_URL does not answer: {reason}. It has to be there, and empty. "
            "Nothing was touched."
        ) from None


def _database_files() -> list[Path]:
    if connection.vendor != "sqlite":
        return []
    name = str(connection.settings_dict["NAME"])
    return [Path(name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]


def let_database_begin() -> None:
    """Have an embedded database begun though the audit.head of an earlier one is left here."""
    if connection.vendor == "sqlite":
        connection.settings_dict["OPTIONS"]["anew"] = True


def has_tables() -> bool:
    """Whether the database has any table."""
    return bool(connection.introspection.table_names())


def mark(digest: str) -> None:
    """Say that a restore has begun. Lasting when this returns."""
    ownfile.replace(mark_path(), digest.encode())


def undo() -> None:
    """Remove what a restore that fails has made, so that the place is as empty as before.

    Only where the database has no table: of a commit nobody knows whether it came, then the mark stays.
    """
    if has_tables():
        return
    connection.close()
    for path in (*_database_files(), keys.vault_path()):
        path.unlink(missing_ok=True)
    unmark()


def put_vault_file(content: bytes) -> None:
    """Put the back-up's vault file into the place. One that a restore has left is never replaced.

    Raises RestoreRefused where another one stands there: what is in the database may be under that.
    """
    path = keys.vault_path()
    if not ownfile.create(path, content) and path.read_bytes() != content:
        raise RestoreRefused(
            f"{path} is another than the back-up's: it was changed after the restore was cut short. Empty "
            "the place first. Nothing was touched."
        )


def unmark() -> None:
    """Say that it has ended."""
    mark_path().unlink(missing_ok=True)
    remove_drafts(mark_path())
    sync_folder(mark_path().parent)
