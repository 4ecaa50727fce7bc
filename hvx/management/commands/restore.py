"""`manage.py restore FILE`: a back-up into an empty place."""

from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hvx.backup import opening, restoring
from hvx.wiring import BACKUP_PARTS
from vault import lock
from vault.memory import core_dumps_off
from vault.rootkey import RootKey
from vault.verbs import asking
from vault.verbs.asking import Asking


class Command(BaseCommand):
    help = "Restore a back-up into an empty data folder and an empty database."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument(
            "--root-key-file", type=Path, metavar="KEY", help="the key file that opens the back-up's vault"
        )
        parser.add_argument(
            "--despite-faults",
            action="store_true",
            help="restore what is there, though an audit chain or a sealed value in it is damaged",
        )
        asking.add_to(parser)

    def handle(
        self, *args: Any, file: Path, root_key_file: Path | None, despite_faults: bool, **options: Any
    ) -> None:
        core_dumps_off()
        ask = Asking(self, options).by_people
        key_file = root_key_file or Path(settings.HVX_ROOT_KEY_FILE)

        def open_root(vault_file: bytes) -> RootKey:
            opening.require_no_other_key_file(vault_file)
            return opening.root(vault_file, key_file, ask, named=root_key_file is not None)

        # Progress, not an error to be shown in red.
        say = partial(self.stderr.write, style_func=str)
        try:
            with lock.hold(settings.HVX_DATA_DIR), file.open("rb") as source:
                say("Reading the whole file before anything is touched.")
                examined = restoring.examine(source, open_root, BACKUP_PARTS)
                restoring.restore(examined, key_file, BACKUP_PARTS, say, despite_faults=despite_faults)
        except lock.Held as held:
            raise CommandError(str(held)) from None
        except OSError as error:
            raise CommandError(f"{error.filename or file}: {error.strerror}") from None
        head = examined.head
        missing = opening.missing_key_file(examined.vault_file)
        self.stdout.write(f"Restored the back-up of {head.made_at}, made by version {head.software}.")
        if missing:
            self.stdout.write(missing)
        if head.origin and head.origin != settings.HVX_ORIGIN:
            self.stdout.write(f"It belongs to {head.origin}: set HVX_ORIGIN to that before the start.")
