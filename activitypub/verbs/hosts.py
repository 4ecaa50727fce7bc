"""What an operator does with one host: retry, pause, resume, clear."""

from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from activitypub import operating
from vault.verbs import asking


class HostVerb:
    """A verb for one host. `summary` stands where a module has its docstring; `do` returns a sentence."""

    def __init__(self, name: str, summary: str, do: Callable[[str], str]) -> None:
        self.NAME = name
        self.__doc__ = summary
        self._do = do

    def add_to(self, parser: CommandParser) -> None:
        parser.add_argument("host", help="its name, with :port if it has one")
        asking.add_to(parser)

    def run(self, command: BaseCommand, options: dict[str, Any]) -> None:
        name = operating.address_of(options["host"])
        if name is None:
            raise CommandError(f"{options['host']} is no host: write it like social.example.org")
        asking.open_and_join(command, options)
        command.stdout.write(self._do(name))


RETRY = HostVerb("retry", "Try all that a host is owed now, and forget how it failed.", operating.retry)
PAUSE = HostVerb("pause", "Deliver nothing to a host until it is resumed.", operating.pause)
RESUME = HostVerb("resume", "Deliver to a host again.", operating.resume)
CLEAR = HostVerb("clear", "Forget all that a host is owed, and how it failed.", operating.clear)
