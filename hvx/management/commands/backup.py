"""`manage.py backup FILE`: everything that the server keeps, in one encrypted file, while it runs."""

from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.errors import AuditUnavailable
from audit.events import Event
from audit.services import record
from hvx.backup import advice, making, place
from hvx.schema import history
from hvx.wiring import BACKUP_PARTS
from vault.verbs import asking


class Command(BaseCommand):
    help = "Write an encrypted back-up of the whole server, running or not."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--force", action="store_true", help="replace FILE if it is there")
        asking.add_to(parser)

    def handle(self, *args: Any, file: Path, force: bool, **options: Any) -> None:
        place.require_none_under_way()
        making.require_a_server()
        if file.is_dir():
            raise CommandError(f"{file} is a folder: name the file in it.")
        if file.exists() and not force:
            raise CommandError(f"{file} is there already; --force replaces it.")
        asking.open_and_join(self, options)
        # Progress, not an error to be shown in red.
        say = partial(self.stderr.write, style_func=str)
        try:
            if history.audit_is_ready():
                # First, so that there is no back-up that the audit does not know of, and it is in it.
                record(Event.BACKUP_MADE, details={"version": settings.HVX_VERSION})
            counts = making.make(file, parts=BACKUP_PARTS, replace=force, say=say)
        except AuditUnavailable as error:
            raise CommandError(f"no back-up: {error}") from None
        except FileExistsError:
            raise CommandError(f"{file} is there already; --force replaces it.") from None
        except OSError as error:
            raise CommandError(f"{error.filename or file}: {error.strerror}") from None
        rows = sum(counts.tables.values())
        self.stdout.write(f"{file}: {len(counts.tables)} tables, {rows:,} rows.")
        self.stdout.write(advice.what_opens_it())
