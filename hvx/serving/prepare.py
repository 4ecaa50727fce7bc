"""What is done before a server serves, in a process of its own: it ends, and its memory with it."""

import argparse
import logging.config
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import OperationalError, ProgrammingError

from hvx.backup import place
from hvx.serving import LONGEST_MESSAGE, lean
from hvx.serving.link import Link
from vault import keys, vaultfile
from vault.errors import Sealed, VaultFileDamaged, WaitsForPeople
from vault.memory import core_dumps_off
from vault.protectors import unattended
from vault.rootkey import RootKey
from vault.sqlcipher.errors import WrongDatabase

log = logging.getLogger("hvx.serving")


class NobodyOpens(Exception):
    """The vault waits for people. The text says why it does not open by itself, where it should."""


def main() -> None:
    """The process. `--open`: nobody hands it the root key, so the vault is to open by itself."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--link", type=int, required=True)
    parser.add_argument("--migrate", action="store_true")
    parser.add_argument("--open", action="store_true")
    options = parser.parse_args()
    core_dumps_off()
    logging.config.dictConfig(settings.LOGGING)
    link = Link(options.link)
    given = None if options.open else link.take_root()
    link.end_with_master()
    try:
        prepare(link, given, migrate=options.migrate)
    except NobodyOpens as nobody:
        link.tell(event="sealed", reason=str(nobody)[: LONGEST_MESSAGE // 8])
    except Exception as error:
        link.tell(event="failed", reason=_reason(error)[: LONGEST_MESSAGE // 8])
        sys.exit(1)
    else:
        link.tell(event="prepared")


def prepare(link: Link, given: RootKey | None, *, migrate: bool) -> None:
    """All of it, in order. Raises NobodyOpens, CommandError, Sealed, errors of the database."""
    place.require_none_under_way()
    empty = given is None and not keys.vault_path().exists()
    if not empty:
        # At once, for workers are started with it while the rest is done.
        link.give_root(_root(given))
    with lean.importing():
        import django

        django.setup()
        # isort: split
        from hvx import start

    start.prepare(migrate=migrate, unsealed_by_operator=given is not None)
    if empty:
        link.give_root(keys.root())


def _root(given: RootKey | None) -> RootKey:
    """Return the root key that is in force: where replacing it was interrupted, that is ended here."""
    if given is not None:
        keys.hold(given)
        return keys.take(keys.opened())
    try:
        return keys.root()
    except WaitsForPeople:
        raise NobodyOpens from None
    except VaultFileDamaged:
        # Whoever changed it may wait for just that: for people to bring their secrets.
        raise
    except Sealed as sealed:
        if _waits_for_people():
            raise NobodyOpens(str(sealed)) from None
        raise


def _waits_for_people() -> bool:
    bodies = vaultfile.read(keys.vault_path()).bodies
    kinds = {protector.kind for body in bodies for protector in body.protectors}
    return not kinds <= unattended.KEYS.keys()


def _reason(error: Exception) -> str:
    """One sentence for the operator; what nobody expected is told on standard error too."""
    match error:
        case CommandError() | ImproperlyConfigured():
            return str(error)
        case WrongDatabase():
            return str(error)
        case Sealed():
            return f"the vault does not open: {error}"
        case OperationalError() | ProgrammingError():
            # Its first line names what is missing; the driver puts no password into it.
            return f"the database refuses: {str(error).splitlines()[0]}"
        case _:
            # By kind and places: the text may quote what was read.
            log.error("a start failed", exc_info=error)
            return f"{type(error).__name__} before serving; the log says where"


if __name__ == "__main__":
    main()
