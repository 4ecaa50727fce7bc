"""What must hold before a server serves. Whatever does not is told in one sentence."""

import contextlib
import sys
from collections.abc import Iterator

from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from activitypub.services import actors
from audit import head_file, heads
from audit.checkpoints import checkpoint
from audit.events import Event
from audit.models import SERVER, AuditRow
from audit.services import record
from hvx.checks import all_but_addresses
from hvx.models import Installation
from hvx.schema import history, manifest
from vault import attempts, keys
from vault.errors import Sealed
from vault.services import ensure_ring

# The number of an advisory lock, which all servers of one database have to agree on.
MIGRATING = 0x687678


def prepare(*, migrate: bool, unsealed_by_operator: bool) -> None:
    """Do and check all that serving needs, and audit it.

    Raises CommandError with what is missing first, Sealed, AuditUnavailable, errors of the database.
    """
    try:
        require_settings()
        signed = require_signed_migrations()
        if migrate:
            bring_up_to_date()
        require_migrations()
        require_vault()
        require_audit_head()
        history.require_as_audited(signed)
        require_origin()
        make_missing_actors()
        tell_audit(unsealed_by_operator=unsealed_by_operator)
    finally:
        connection.close()
    require_cache()


def require_settings() -> None:
    """Every system check holds; what only warns is told on standard error."""
    BaseCommand(stdout=sys.stderr).check(tags=all_but_addresses(), display_num_errors=False)


def bring_up_to_date() -> None:
    """Apply the migrations that are pending, and complete the key ring."""
    with alone_on_the_database():
        call_command("migrate", interactive=False, verbosity=0)


@contextlib.contextmanager
def alone_on_the_database() -> Iterator[None]:
    """Of several servers that start at once on one PostgreSQL, one migrates and the others wait.

    On SQLite the data folder's lock has seen to that.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
    try:
        yield
    finally:
        # The pool keeps the connection, and so the lock would stay.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATING])


def require_migrations() -> None:
    """The schema is the one of this version."""
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        raise CommandError(f"{len(pending)} migrations are not applied: run manage.py migrate first.")


def require_vault() -> None:
    """The root key is there, and is the one of this database."""
    try:
        ensure_ring()
        keys.remove_drafts()
    except Sealed as sealed:
        raise CommandError(f"the vault does not open: {sealed}") from None


def require_audit_head() -> None:
    """The audit is the one whose head stands in the data folder, or one that went on from there."""
    if sentence := heads.contradiction():
        raise CommandError(
            f"{sentence}. If you know why, move that file to where it is kept; the start writes into the "
            "audit that it was missing."
        )


def require_signed_migrations() -> manifest.Manifest:
    """The migrations are the signed ones; asked before any is imported, which runs what stands in it."""
    signed = manifest.read()
    manifest.require_files_as_signed(signed)
    return signed


def require_origin() -> None:
    """The origin is the one that this database began with.

    Device hashes and certificates name it, so under another every device would have to be made anew.
    """
    installation, _ = Installation.objects.get_or_create(pk=1, defaults={"origin": settings.HVX_ORIGIN})
    if installation.origin != settings.HVX_ORIGIN:
        raise CommandError(
            f"this database belongs to {installation.origin}, and HVX_ORIGIN is {settings.HVX_ORIGIN}. "
            "Device hashes and certificates name the origin, so it cannot change: set it back, or begin "
            "with another HVX_DATA_DIR or HVX_DATABASE_URL."
        )


def make_missing_actors() -> None:
    """The server has its own actor, and each account one: those of before there were any get theirs here."""
    actors.make_missing()


def tell_audit(*, unsealed_by_operator: bool) -> None:
    """Who tried to open the vault while nobody could write it into the audit, and that the server serves.

    The head of the audit is in its file before anybody is served: without the database it tells that
    there was one.
    """
    attempts.join_audit()
    if head_file.read() is None:
        if _has_served():
            record(Event.AUDIT_HEAD_MISSING)
        # Before it is written down that this serves: who is killed in between has lost no file.
        heads.publish()
    event = Event.VAULT_UNSEALED if unsealed_by_operator else Event.SERVER_STARTED
    record(event, details={"version": settings.HVX_VERSION})
    checkpoint()


def _has_served() -> bool:
    starts = (Event.SERVER_STARTED, Event.VAULT_UNSEALED)
    return AuditRow.objects.filter(chain=SERVER, event__in=[start.value for start in starts]).exists()


def require_cache() -> None:
    """Redis answers, where it is asked for."""
    if not settings.CLUSTER:
        return
    # Not imported above: an embedded server does without it.
    from redis.exceptions import RedisError

    try:
        cache.get("start")
    except RedisError as error:
        raise CommandError(f"HVX_REDIS_URL does not answer ({type(error).__name__}).") from None
