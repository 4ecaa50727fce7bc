"""Say why this server and another do not talk: a dry run of a delivery, from the name to the inbox."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from activitypub.delivery import checking
from activitypub.delivery.checking import Mark, NoHandle
from activitypub.remote import session
from vault.verbs import asking

NAME = "check"


def add_to(parser: CommandParser) -> None:
    parser.add_argument("handle", help="somebody there, as user@host")
    asking.add_to(parser)


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    asking.open_vault(command, options)
    try:
        faults = session.run(_tell(command, options["handle"]))
    except NoHandle:
        raise CommandError(f"{options['handle']} is no handle: write it like user@host") from None
    finally:
        session.close_thread()
    if faults:
        raise CommandError(f"{faults} found")
    command.stdout.write("Nothing is found that would keep the two servers from talking.")


async def _tell(command: BaseCommand, typed: str) -> str:
    """Write every step, and return how many faults there are, empty for none."""
    faults = 0
    async for step in checking.check(typed):
        faults += step.mark is Mark.BAD
        command.stdout.write(f"{step.mark.value:>5}  {step.text}")
    return "" if not faults else "one fault was" if faults == 1 else f"{faults} faults were"
