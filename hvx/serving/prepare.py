"""What is done before a server serves, in a process of its own: it ends, and its memory with it."""

import argparse
import contextlib
import sys
import traceback

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import OperationalError, ProgrammingError

from hvx.serving.link import LONGEST, Link
from vault import keys, vaultfile
from vault.errors import RootKeyMissing, Sealed
from vault.memory import core_dumps_off
from vault.protectors import unattended


def main() -> None:
    """The process. `--open`: open the vault by what opens by itself, and hand the root key up."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--link", type=int, required=True)
    parser.add_argument("--migrate", action="store_true")
    parser.add_argument("--open", action="store_true")
    options = parser.parse_args()
    core_dumps_off()
    link = Link(options.link)
    try:
        if not options.open:
            link.take_root()
        link.end_with_master()
        handed_up = not options.open
        if options.open and open_by_itself():
            link.give_root()
            handed_up = True
        prepare(link, migrate=options.migrate)
        if not handed_up:
            link.give_root()
    except CommandError as error:
        reason = str(error)
    except Sealed as error:
        if options.open and not keys.held() and waits_for_people():
            link.tell(event="sealed")
            return
        reason = f"the vault does not open: {error}"
    except ImproperlyConfigured as error:
        reason = str(error)
    except (OperationalError, ProgrammingError) as error:
        # Its first line names what is missing; the driver puts no password into it.
        reason = f"the database refuses: {str(error).partition(chr(10))[0]}"
    except Exception as error:
        traceback.print_exc()
        reason = f"{type(error).__name__} before serving; where it happened stands above"
    else:
        link.tell(event="prepared")
        return
    link.tell(event="failed", reason=reason[: LONGEST // 8])
    sys.exit(1)


def prepare(link: Link, *, migrate: bool) -> None:
    """All of it, in order. Raises CommandError, Sealed, errors of the database."""
    import django

    django.setup()
    # isort: split
    from hvx import metrics, start

    start.prepare(migrate=migrate)
    metrics.prepare()


def open_by_itself() -> bool:
    """Open the vault without asking anybody; False where there is no vault yet.

    What comes after makes one, or says that it is missing. Raises Sealed.
    """
    try:
        keys.root()
    except RootKeyMissing:
        if keys.vault_path().exists():
            raise
        return False
    return True


def waits_for_people() -> bool:
    """Whether the vault has a protector that opens once somebody comes."""
    with contextlib.suppress(Sealed):
        for body in vaultfile.read(keys.vault_path()).bodies:
            if any(protector.kind not in unattended.KEYS for protector in body.protectors):
                return True
    return False


if __name__ == "__main__":
    main()
