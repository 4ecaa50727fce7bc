"""Encrypt an embedded database that was begun plain, or with --decrypt the other way round."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from audit.errors import AuditUnavailable
from audit.events import Event
from audit.services import record
from vault import keys, lock
from vault.errors import Sealed
from vault.sqlcipher.conversion import convert, is_so
from vault.sqlcipher.errors import ConversionRefused, WrongDatabase
from vault.verbs import asking
from vault.verbs.asking import Asking

NAME = "encrypt-database"


def add_to(parser: CommandParser) -> None:
    parser.add_argument("--decrypt", action="store_true", help="leave it plain")
    asking.add_to(parser)


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    if settings.HVX_DATABASE_URL:
        raise CommandError("HVX_DATABASE_URL is set, and PostgreSQL's files are not this server's to encrypt")
    encrypt = not options["decrypt"]
    path = Path(settings.DATABASES["default"]["NAME"])
    try:
        with lock.hold(Path(settings.HVX_DATA_DIR)):
            if keys.vault_path().exists():
                Asking(command, options).opened()
            changed = not is_so(path, encrypted=encrypt)
            if changed:
                _tell_audit(encrypt=encrypt)
                convert(path, encrypt=encrypt)
    except AuditUnavailable as error:
        raise CommandError(f"the audit cannot be written, so nothing was done: {error}") from None
    except Sealed as error:
        raise CommandError(f"the vault does not open: {error}") from None
    except (lock.Held, ConversionRefused, WrongDatabase) as error:
        raise CommandError(str(error)) from None
    state = "encrypted" if encrypt else "plain"
    command.stdout.write(f"{path} is {state}{'' if changed else ' already'}.")
    if encrypt and changed:
        command.stdout.write(
            "The plain file was removed, but a disk keeps what is removed until it is written over, and "
            "so does every copy made before."
        )
    if not encrypt:
        command.stdout.write("Set HVX_DATABASE_ENCRYPTION=off, or the server will not open it.")


def _tell_audit(*, encrypt: bool) -> None:
    """Before it is done, and in the database as it is: by then a copy may stand where it can be read."""
    connection.close()
    connection.settings_dict["OPTIONS"]["encryption"] = not encrypt
    try:
        record(Event.DATABASE_CONVERSION_BEGUN, details={"to": "encrypted" if encrypt else "plain"})
    finally:
        connection.close()
