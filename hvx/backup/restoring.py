"""Restoring a back-up into an empty place.

The whole file is authenticated before anything is touched. Schema and rows then come in one transaction,
so a database is restored as a whole or is as empty as before, and whatever ends the restore half-way, the
same restore can be begun again.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest
from io import BufferedReader
from pathlib import Path

from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, Error, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.utils.dateparse import parse_datetime

from audit import head_file, heads
from audit.events import Event
from audit.faults import Kind
from audit.models import SERVER, AuditChain, AuditRow
from audit.queries import verify
from audit.services import Detail, record
from hvx.backup import container, opening, place, records, tables
from hvx.backup.errors import RestoreRefused
from hvx.backup.parts import BackupPart
from hvx.schema import history
from vault import keyring, keys, rotation
from vault.errors import CannotOpen
from vault.fields import SealedField
from vault.resealing import Table
from vault.rootkey import RootKey

Say = Callable[[str], None]


@dataclass(frozen=True)
class Examined:
    """A back-up that was read to its end: it is whole, and of a form that this version knows."""

    # Held open: a file that takes its name meanwhile, a next back-up say, is not what was examined.
    source: BufferedReader
    digest: str
    vault_file: bytes
    root: RootKey
    head: records.Head
    counts: records.Counts

    def records(self) -> Iterator[records.Record]:
        """Return its records anew. Raises CannotOpen, BadContent."""
        self.source.seek(0)
        if container.read_vault_file(self.source) != self.vault_file:
            raise CannotOpen("it has changed since")
        return records.read(container.content(self.source, self.root, self.vault_file))


def examine(
    source: BufferedReader, open_root: Callable[[bytes], RootKey], parts: Sequence[BackupPart]
) -> Examined:
    """Read a back-up, an open file, to its end and touch nothing. Raises RestoreRefused, Sealed, OSError.

    `open_root` gets the vault's file and returns the root key that it gives.
    """
    try:
        digest = file_digest(source, "sha256").hexdigest()
        source.seek(0)
        vault_file = container.read_vault_file(source)
        root = open_root(vault_file)
        content = records.read(container.content(source, root, vault_file))
        head = next(content)
        counts = None
        for record in content:
            if isinstance(record, records.Counts):
                counts = record
    except (CannotOpen, records.BadContent) as error:
        raise RestoreRefused(f"{source.name}: {error}. Nothing was touched.") from None
    assert isinstance(head, records.Head)  # noqa: S101  # records.read sees to both
    assert counts is not None  # noqa: S101
    _require_known(head, counts, parts)
    return Examined(source, digest, vault_file, root, head, counts)


def _require_known(head: records.Head, counts: records.Counts, parts: Sequence[BackupPart]) -> None:
    unknown = tables.unknown_migrations((app, name) for app, name, _ in head.migrations)
    if unknown:
        raise RestoreRefused(
            f"the back-up, of version {head.software}, has migrations that this version does not know: "
            f"{', '.join(unknown)}. Nothing was touched."
        )
    strange = sorted(counts.parts.keys() - {part.name for part in parts})
    if strange:
        raise RestoreRefused(f"the back-up has parts that this version does not know: {', '.join(strange)}.")


def restore(
    examined: Examined, key_file: Path, parts: Sequence[BackupPart], say: Say, *, despite_faults: bool = False
) -> None:
    """Put everything in its place. Raises RestoreRefused, with the place as empty as before.

    Marked as begun it is left where this is killed, or nobody knows whether the database took it.

    `key_file` is copied to where the server looks for one, if it opens the vault and none is there.
    `despite_faults`: what was damaged before it was backed up is told, and restored as it is.
    """
    fresh = place.require_empty(examined.digest)
    if fresh:
        place.mark(examined.digest)
    place.let_database_begin()
    place.put_vault_file(examined.vault_file)
    _hold(examined.root)
    # After a restore that ended just before it took the mark away, everything is there already.
    if fresh or not place.has_tables():
        try:
            _fill_or_undo(examined, parts, say, despite_faults=despite_faults)
        except Error as error:
            # The kind alone: a driver's text may quote a value.
            raise RestoreRefused(f"the database refuses the back-up ({type(error).__name__}).") from None
        except (CannotOpen, records.BadContent) as error:
            raise RestoreRefused(f"the back-up is not the one that was examined: {error}.") from None
    else:
        _require_filled_by(examined)
    if AuditChain._meta.db_table in connection.introspection.table_names():
        heads.replace()
    opening.keep_key_file(examined.vault_file, key_file)
    place.unmark()


def _require_filled_by(examined: Examined) -> None:
    """The settings may name another database than when the restore was cut short. The audit knows."""
    if history.audit_is_ready():
        restored = AuditRow.objects.filter(chain=SERVER, event=Event.BACKUP_RESTORED.value)
        last = restored.order_by("sequence").last()
        if last is None or json.loads(last.details).get("made_at") != examined.head.made_at:
            raise RestoreRefused(
                "the database is not the one that was filled from this back-up. Empty the place first."
            )


def _fill_or_undo(examined: Examined, parts: Sequence[BackupPart], say: Say, *, despite_faults: bool) -> None:
    try:
        _fill(examined, parts, say, despite_faults=despite_faults)
    except BaseException:
        with suppress(Error):
            place.undo()
        raise


def _fill(examined: Examined, parts: Sequence[BackupPart], say: Say, *, despite_faults: bool) -> None:
    connection.ensure_connection()
    # Migrations on SQLite want this off, and cannot turn it off inside a transaction. Everything is
    # checked before the commit.
    with connection.constraint_checks_disabled(), transaction.atomic(durable=True):
        say("Bringing the schema to the state of the back-up.")
        _migrate(examined.head)
        _load(examined, parts, say)
        connection.check_constraints()
        _verify(examined)
        _guard(examined.head)
        say("All rows are there. Opening every sealed value, and verifying the audit.")
        faults = [*_values_that_do_not_open(examined.head), *_faults_of_the_audit()]
        if faults:
            _tell(faults, say, despite_faults=despite_faults)
        if history.audit_is_ready():
            told = {"made_at": examined.head.made_at, "faults": len(faults), **_head_left_here()}
            record(Event.BACKUP_RESTORED, details=told)


def _migrate(head: records.Head) -> None:
    executor = MigrationExecutor(connection)
    wanted = [(app, name) for app, name, _ in head.migrations]
    executor.migrate([node for node in wanted if node in executor.loader.graph.nodes])
    recorder = MigrationRecorder(connection)
    surplus = sorted(recorder.applied_migrations().keys() - set(wanted))
    if surplus:
        names = ", ".join(f"{app}.{name}" for app, name in surplus)
        raise RestoreRefused(f"the back-up lacks migrations that its own are built on: {names}.")
    recorder.migration_qs.all().delete()
    recorder.migration_qs.bulk_create(
        recorder.Migration(app=app, name=name, applied=parse_datetime(time))
        for app, name, time in head.migrations
    )


def _load(examined: Examined, parts: Sequence[BackupPart], say: Say) -> None:
    found = _models(examined.head)
    tables.clear(list(found.values()), connection)
    by_name = {part.name: part for part in parts}
    for where, members in records.sections(examined.records()):
        match where:
            case records.Table():
                model = found.get(where.name)
                if model is None or tables.columns_of(model) != where.columns:
                    raise RestoreRefused(f"the table {where.name} is another than the migrations make.")
                tables.insert(model, (row for row in members if isinstance(row, list)), connection)
                say(f"  {examined.counts.tables[where.name]:>9,} rows  {where.name}")
            case records.Part():
                by_name[where.name].load(piece for piece in members if isinstance(piece, bytes))
                say(f"  {examined.counts.parts[where.name]:>9,} pieces  {where.name}")
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(found.values())):
            cursor.execute(statement)
    _hold(examined.root)


def _hold(root: RootKey) -> None:
    """Use this root key, and no key of a ring that was read before."""
    keys.hold(root)
    keyring.forget()


def _models(head: records.Head) -> dict[str, tables.Model]:
    return tables.models_of([(app, name) for app, name, _ in head.migrations], connection)


def _verify(examined: Examined) -> None:
    """What is there now is what the back-up has. Nothing is committed before that."""
    found = _models(examined.head)
    if found.keys() != examined.counts.tables.keys():
        strange = sorted(found.keys() ^ examined.counts.tables.keys())
        raise RestoreRefused(f"back-up and migrations differ in the tables {', '.join(strange)}.")
    for name, expected in examined.counts.tables.items():
        there = tables.count(name, connection)
        if there != expected:
            raise RestoreRefused(f"{name} has {there} rows instead of {expected}.")


def _guard(head: records.Head) -> None:
    """What the database refused it refuses again: values under keys that were destroyed."""
    if retired := rotation.retired_ids():
        for model in _models(head).values():
            fields = tuple(field for field in tables.fields_of(model) if isinstance(field, SealedField))
            if fields:
                rotation.guard(Table(model, fields), retired)


def _head_left_here() -> dict[str, Detail]:
    """How far the audit went that `audit.head` is left of here: the restored one has a head of its own."""
    try:
        left = head_file.read()
    except ValueError:
        return {"head_left": "unreadable"}
    return {"head_left": left.length, "head_hash": left.hash[:64]} if left else {}


def _values_that_do_not_open(head: records.Head) -> Iterator[str]:
    for model in _models(head).values():
        yield from tables.values_that_do_not_open(model, DEFAULT_DB_ALIAS)


def _faults_of_the_audit() -> Iterator[str]:
    """What `audit verify` would find, but for `audit.head`: that is the place's and not the back-up's."""
    if history.audit_is_ready():
        yield from (str(fault) for fault in verify().faults if fault.kind is not Kind.HEAD_FILE)


def _tell(faults: Sequence[str], say: Say, *, despite_faults: bool) -> None:
    for fault in faults:
        say(f"  {fault}")
    if not despite_faults:
        raise RestoreRefused(
            f"what was backed up had {len(faults)} faults already; --despite-faults restores it as it is."
        )
