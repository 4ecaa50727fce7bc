"""Which migrations were applied: the database's own table, held to the rows of the audit.

The table can be edited by whoever reaches the database. A row of the audit is bound to its place and
content by a key that only an unsealed vault gives, so a row that was added to the table, or taken from it,
is noticed; and so is a migration that was applied in another form than this version has.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import QuerySet

from audit import keys as audit_keys
from audit.events import Event
from audit.models import SERVER, AuditRow
from audit.services import entry, record_all
from audit.unreadable import UNREADABLE
from hvx.schema.manifest import Manifest
from vault import keyring
from vault.errors import RingMissing
from vault.models import DataKey

# What --acknowledge takes for all migrations that this version has.
ALL = "all"

_EVENTS = (Event.MIGRATION_PLANNED, Event.MIGRATION_APPLIED, Event.MIGRATION_TAKEN_BACK)


class HistoryNotAsAudited(CommandError):
    """What is applied is not what the audit says was applied."""


@dataclass
class Recorded:
    """What the audit says. `applied` has digests by `room.name`, empty for a package's own migration."""

    applied: dict[str, str] = field(default_factory=dict)
    planned: set[str] = field(default_factory=set)


def of_this_version() -> set[str]:
    """Return the migrations that there are files of: those of the signed list, and the packages' own."""
    return {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}


def acknowledged(names: Collection[str]) -> set[str]:
    """Return what an operator acknowledges by these names."""
    return {*names} - {ALL} | (of_this_version() if ALL in names else set())


def applied() -> set[str]:
    """Return what the database's own table says, as `room.name`."""
    return {f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations()}


# What the audit itself stands on: while one of their migrations is pending, it is not as the code has it.
_FOUNDATION = ("audit", "vault")


def audit_is_new() -> bool:
    """Whether no audit was here before what is migrated now: no key was ever made, or none for an audit.

    An audit that was emptied, or taken away with its tables, is not new: its key is there, or other keys
    are, whose values would all be lost without them.
    """
    tables = {*connection.introspection.table_names()}
    purposes: set[str] = set()
    if DataKey._meta.db_table in tables:
        purposes.update(DataKey.objects.values_list("purpose", flat=True))
    return not purposes or (keyring.AUDIT not in purposes and AuditRow._meta.db_table not in tables)


def audit_is_ready() -> bool:
    """Whether the audit can be read and written: tables as this version has them, and a key."""
    loader = MigrationLoader(connection)
    pending = loader.disk_migrations.keys() - loader.applied_migrations.keys()
    if any(app in _FOUNDATION for app, _ in pending):
        return False
    if not {AuditRow._meta.db_table, DataKey._meta.db_table} <= {*connection.introspection.table_names()}:
        return False
    try:
        keyring.active(keyring.AUDIT)
    except RingMissing:
        return False
    return True


def recorded() -> Recorded:
    """Return what the audit says. Raises HistoryNotAsAudited for a row that was forged, Sealed."""
    key = audit_keys.current().chain
    told = Recorded()
    rows = AuditRow.objects.filter(chain=SERVER, event__in=[event.value for event in _EVENTS])
    for row in _readable(rows.order_by("sequence")):
        if not row.is_genuine(key):
            raise HistoryNotAsAudited(
                f"row {row.sequence} of the audit's chain {SERVER!r} was changed: see manage.py audit verify."
            )
        details = json.loads(row.details)
        name = details["migration"]
        told.planned.discard(name)
        told.applied.pop(name, None)
        if row.event == Event.MIGRATION_PLANNED:
            told.planned.add(name)
        elif row.event == Event.MIGRATION_APPLIED:
            told.applied[name] = details["sha256"]
    return told


def _readable(rows: QuerySet[AuditRow]) -> list[AuditRow]:
    try:
        return list(rows)
    except UNREADABLE:
        raise HistoryNotAsAudited(
            f"a row of the audit's chain {SERVER!r} was changed: see manage.py audit verify."
        ) from None


def require_as_audited(manifest: Manifest) -> None:
    """Raises HistoryNotAsAudited with the names of what was added, taken away or changed."""
    told, there = recorded(), applied()
    if not told.applied:
        raise HistoryNotAsAudited("no migration is in the audit yet: run manage.py migrate first.")
    cut_short = sorted(told.planned & there)
    if cut_short:
        raise HistoryNotAsAudited(
            f"migrating was cut short at {', '.join(cut_short)}: run manage.py migrate."
        )
    require_nothing_strange(manifest)


def require_nothing_strange(manifest: Manifest, known: Collection[str] = (), *, new: bool = False) -> None:
    """Raises HistoryNotAsAudited likewise, but for migrations that were planned or are `known`.

    Where the audit is `new` all that is applied is taken as it is, if this version has it.
    """
    told, there = recorded(), applied()
    expected = told.planned | {*known} | (of_this_version() if new else set())
    faults = {
        **dict.fromkeys(there - told.applied.keys(), "is applied, and the audit does not know of it"),
        **dict.fromkeys(told.applied.keys() - there, "was applied, and the database says that it was not"),
        **{
            name: "was applied in another form than this version has"
            for name, digest in told.applied.items()
            if name in there and digest != manifest.digests.get(name, "")
        },
    }
    strange = [f"{name} {fault}" for name, fault in sorted(faults.items()) if name not in expected]
    if strange and not told.applied and not new:
        unknown = sorted(faults.keys() - expected - of_this_version())
        lacking = f", of which this version has no {', no '.join(unknown)}" if unknown else ""
        raise HistoryNotAsAudited(
            f"{len(strange)} migrations are applied{lacking}, and the audit knows of none: it was emptied, "
            "or the first migrating was cut short. Begin anew if nothing is here yet, or restore a back-up. "
            f"If you know why, manage.py migrate --acknowledge {ALL} writes those of this version into the "
            "audit, and --acknowledge NAME another one."
        )
    if strange:
        raise HistoryNotAsAudited(
            f"the applied migrations are not those of the audit: {'; '.join(strange)}. If you know why, "
            "manage.py migrate --acknowledge NAME writes that into the audit."
        )


def plan(name: str, manifest: Manifest) -> None:
    """Write down what is about to be applied or taken back, so that a migrating cut short is no forgery."""
    _record(Event.MIGRATION_PLANNED, [name], manifest)


def note(manifest: Manifest, known: Collection[str], *, new: bool = False) -> None:
    """Write down what has been applied and taken back. Raises HistoryNotAsAudited for what is not `known`."""
    require_nothing_strange(manifest, known, new=new)
    told, there = recorded(), applied()
    _record(Event.MIGRATION_TAKEN_BACK, (told.applied.keys() | told.planned) - there, manifest)
    changed = {name for name in known if told.applied.get(name) != manifest.digests.get(name, "")}
    _record(Event.MIGRATION_APPLIED, there - told.applied.keys() | there & changed, manifest)


_begun: ContextVar[tuple[Manifest, Collection[str]] | None] = ContextVar("history_begun", default=None)


@contextmanager
def beginning(manifest: Manifest, known: Collection[str], *, new: bool) -> Iterator[None]:
    """Around the first migrating, where it is `new`: see `note_beginning`."""
    token = _begun.set((manifest, known) if new else None)
    try:
        yield
    finally:
        _begun.reset(token)


def note_beginning() -> None:
    """Note what the first migrating has applied, in the transaction that makes the first keys.

    So there is no moment with a key for an audit that knows of nothing, which is what one that was emptied
    looks like. Raises HistoryNotAsAudited.
    """
    if (begun := _begun.get()) is not None and audit_is_ready():
        note(*begun, new=True)


def _record(event: Event, names: Collection[str], manifest: Manifest) -> None:
    if not names:
        return
    record_all(
        [
            entry(
                event,
                details={
                    "migration": name,
                    "sha256": manifest.digests.get(name, ""),
                    "version": settings.HVX_VERSION,
                    "signer": manifest.signer,
                },
            )
            for name in sorted(names)
        ]
    )
