"""Making a back-up of a server, running or not."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from hvx.backup import container, records, tables
from hvx.backup.errors import BackupFailed
from hvx.backup.parts import BackupPart
from hvx.backup.snapshot import ALIAS, snapshot
from vault import keyring, keys, vaultfile
from vault.errors import CannotOpen, RootKeyError
from vault.models import DataKey
from vault.rootkey import RootKey
from vault.stream import SealedWriter
from vault.whole import whole_file

Say = Callable[[str], None]

_TRIES = 5


def make(path: Path, *, parts: Sequence[BackupPart] = (), replace: bool = False, say: Say) -> records.Counts:
    """Write a back-up to `path`, whole or not at all, and return what it holds.

    Raises BackupFailed, FileExistsError, OSError, and what the vault raises while it is sealed.
    """
    if not replace and path.exists():
        raise FileExistsError(None, "there is a file already", str(path))
    root = keys.root()
    with _moment() as (connection, vault_file), whole_file(path, replace=replace) as file:
        head = _head(connection)
        _require_known(head)
        found = tables.models_of([(app, name) for app, name, _ in head.migrations], connection)
        _require_one_root_key(root, vault_file)
        _require_ring(root, found)
        _tell_what_is_left_out(found, connection, say)
        writer = container.begin(file, root, vault_file)
        writer.write(records.line(head))
        counts = records.Counts()
        for name, model in found.items():
            counts.tables[name] = _write_table(writer, name, model)
            say(f"  {counts.tables[name]:>9,} rows  {name}")
        for part in parts:
            counts.parts[part.name] = _write_part(writer, part)
            say(f"  {counts.parts[part.name]:>9,} pieces  {part.name}")
        writer.write(records.line(counts))
        writer.finish()
    return counts


@contextmanager
def _moment() -> Iterator[tuple[BaseDatabaseWrapper, bytes]]:
    """Give the database's snapshot and the vault's file of the same moment.

    They belong together where the file did not change while the snapshot was taken.
    """
    path = keys.vault_path()
    for _ in range(_TRIES):
        before = _read(path)
        with snapshot() as connection:
            if _read(path) != before:
                continue
            yield connection, before
            return
    raise BackupFailed("the vault's file changes again and again; try when that is over.")


def require_a_server() -> None:
    """Raises BackupFailed where there is none, before the database is opened, which would begin one."""
    _read(keys.vault_path())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BackupFailed(f"there is no vault's file at {path}, so there is nothing to back up.") from None


def _head(connection: BaseDatabaseWrapper) -> records.Head:
    applied = MigrationRecorder(connection).applied_migrations()
    if not applied:
        raise BackupFailed("the database is empty, so there is nothing to back up.")
    with connection.cursor() as cursor:
        origin = ""
        if "hvx_installation" in connection.introspection.table_names(cursor):
            cursor.execute("SELECT origin FROM hvx_installation")
            origin = (cursor.fetchone() or ("",))[0]
    return records.Head(
        made_at=timezone.now().isoformat(),
        software=settings.HVX_VERSION,
        origin=origin,
        database=connection.vendor,
        migrations=tuple((app, name, row.applied.isoformat()) for (app, name), row in applied.items()),
    )


def _require_known(head: records.Head) -> None:
    unknown = tables.unknown_migrations((app, name) for app, name, _ in head.migrations)
    if unknown:
        raise BackupFailed(
            f"the database has migrations that this version does not know: {', '.join(unknown)}. "
            "Make the back-up with the version that applied them."
        )


def _require_one_root_key(root: RootKey, vault_file: bytes) -> None:
    """What opens the back-up must open what is in it: with two root keys, one of them is about to go."""
    document = vaultfile.parse(vault_file, f"at {keys.vault_path()}")
    if document.next is not None:
        raise BackupFailed("the root key is being replaced, or that was interrupted: try again.")
    vaultfile.unlock(document, root)


def _require_ring(root: RootKey, found: dict[str, tables.Model]) -> None:
    """Every key of the ring opens under the root key."""
    if DataKey._meta.db_table not in found:
        return
    try:
        living = DataKey.objects.using(ALIAS).exclude(wrapped=DataKey.DESTROYED)
        for row in living.only("id", "purpose", "generation", "wrapped"):
            keyring.unwrap(root, row)
    except (RootKeyError, CannotOpen) as error:
        raise BackupFailed(f"{error}; if it is being replaced just now, try again after that.") from None


def _tell_what_is_left_out(found: dict[str, tables.Model], connection: BaseDatabaseWrapper, say: Say) -> None:
    left_out = tables.unaccounted(found, connection)
    if left_out:
        say(f"Left out, since no model of this version knows them: {', '.join(left_out)}")


def _write_table(writer: SealedWriter, name: str, model: tables.Model) -> int:
    count = 0
    writer.write(records.line(records.Table(name, tables.columns_of(model))))
    for row in tables.rows_of(model, ALIAS):
        writer.write(records.line(row))
        count += 1
    return count


def _write_part(writer: SealedWriter, part: BackupPart) -> int:
    count = 0
    writer.write(records.line(records.Part(part.name)))
    for piece in part.dump():
        writer.write(records.line(piece))
        count += 1
    return count
