"""`manage.py migrate`: Django's, after a back-up, held to the signed list and written into the audit."""

from contextlib import suppress
from functools import partial
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS
from django.db.migrations.migration import Migration

from hvx import start
from hvx.backup import automatic, place
from hvx.checks import all_but_addresses
from hvx.schema import history, manifest
from hvx.wiring import BACKUP_PARTS
from vault import keys
from vault.errors import RingMissing
from vault.protectors import keyfile
from vault.verbs import asking
from vault.verbs.asking import Asking


class Command(migrate.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        asking.add_to(parser)
        parser.add_argument("--no-backup", action="store_true", help="make no back-up before migrating")
        parser.add_argument(
            "--acknowledge",
            action="append",
            default=[],
            metavar="ROOM.NAME",
            help="write into the audit that this migration is applied, or not, as the database says; "
            f"{history.ALL!r} for all that this version has",
        )

    def get_check_kwargs(self, options: dict[str, Any]) -> dict[str | None, Any]:
        return {**super().get_check_kwargs(options), "tags": all_but_addresses()}

    def execute(self, *args: Any, **options: Any) -> str | None:
        # Before Django's own checks, which open the database, and so would begin one.
        place.require_none_under_way()
        # And before any migration is imported, which runs what stands in it.
        self._manifest = manifest.read()
        manifest.require_files_as_signed(self._manifest)
        if not (options["plan"] or options["check_unapplied"]):
            keys.let_begin()
        if keys.vault_path().exists():
            Asking(self, options).opened()
            return super().execute(*args, **options)
        done = super().execute(*args, **options)
        if keys.vault_path().exists():
            self.stderr.write(
                f"A vault was made, {keys.vault_path()}. {keyfile.advice(keys.root_key_path())}",
                style_func=str,
            )
        return done

    def handle(self, *args: Any, **options: Any) -> None:
        if options["plan"] or options["check_unapplied"] or options["database"] != DEFAULT_DB_ALIAS:
            super().handle(*args, **options)
            return
        self._known = history.acknowledged(options["acknowledge"])
        new = history.audit_is_new()
        # Who completes the ring says better what is missing there.
        with suppress(RingMissing):
            start.require_audit_head()
        if history.audit_is_ready():
            history.require_nothing_strange(self._manifest, self._known, new=new)
        if not options["no_backup"]:
            try:
                automatic.before_migrating(
                    BACKUP_PARTS,
                    partial(self.stderr.write, style_func=str),
                    app=options["app_label"],
                    name=options["migration_name"],
                )
            except OSError as error:
                raise CommandError(
                    f"no back-up, so no migrating: {error.filename}: {error.strerror}"
                ) from None
        try:
            with history.beginning(self._manifest, self._known, new=new):
                super().handle(*args, **options)
        finally:
            if history.audit_is_ready():
                history.note(self._manifest, self._known, new=new)

    def migration_progress_callback(
        self, action: str, migration: Migration | None = None, fake: bool = False
    ) -> None:
        """Called by Django around each migration, outside of its transaction."""
        if action in ("apply_start", "unapply_start") and migration is not None:
            name = f"{migration.app_label}.{migration.name}"
            self._known.add(name)
            if history.audit_is_ready():
                history.plan(name, self._manifest)
        super().migration_progress_callback(action, migration, fake)
