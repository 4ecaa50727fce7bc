"""Give an actor new keys. The old ones verify for a week more and sign nothing from now on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from activitypub.errors import ActorGone, UnknownActor
from activitypub.queries import actors
from activitypub.services.keys import OVERLAP, rotate_keys
from vault.verbs import asking

NAME = "rotate-keys"


def add_to(parser: CommandParser) -> None:
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("username", nargs="?", help="whose actor")
    whose.add_argument("--instance", action="store_true", help="the server's own actor")
    asking.add_to(parser)


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    asking.open_and_join(command, options)
    try:
        actor = actors.instance() if options["instance"] else actors.of_username(options["username"])
        made = rotate_keys(actor)
    except (UnknownActor, ActorGone) as refused:
        raise CommandError(str(refused)) from None
    for key in made:
        command.stdout.write(f"{actor.uri} now signs by {key.key_id}.")
    command.stdout.write(f"The keys before them stay published for {OVERLAP.days} days.")
