"""`manage.py backup FILE`: everything that the server keeps, in one encrypted file, while it runs."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hvx.backup import advice, making
from hvx.wiring import BACKUP_PARTS


class Command(BaseCommand):
    help = "Write an encrypted back-up of the whole server, running or not."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--force", action="store_true", help="replace FILE if it is there")

    def handle(self, *args: Any, file: Path, force: bool, **options: Any) -> None:
        try:
            counts = making.make(file, parts=BACKUP_PARTS, replace=force, say=self.stderr.write)
        except FileExistsError:
            raise CommandError(f"{file} is there already; --force replaces it.") from None
        except OSError as error:
            raise CommandError(f"{error.filename or file}: {error.strerror}") from None
        rows = sum(counts.tables.values())
        self.stdout.write(f"{file}: {len(counts.tables)} tables, {rows:,} rows.")
        self.stdout.write(advice.what_opens_it())
