"""What an operator does with one host: retry, pause, resume, clear."""

from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from activitypub.protocol.uris import origin_of
from activitypub.services import hosts
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
        origin = origin_of(f"https://{options['host']}")
        if origin is None or set(options["host"]) & set("/?#"):
            raise CommandError(f"{options['host']} is no host: write it like social.example.org")
        asking.open_and_join(command, options)
        command.stdout.write(self._do(origin.authority))


def _retry(name: str) -> str:
    return f"{hosts.retry(name, timezone.now())} deliveries to {name} are due now."


def _pause(name: str) -> str:
    hosts.pause(name)
    return f"Nothing is delivered to {name} until `federation resume {name}`. What it is owed is kept."


def _resume(name: str) -> str:
    hosts.resume(name)
    return f"{name} is delivered to again."


def _clear(name: str) -> str:
    return f"{hosts.clear(name)} deliveries to {name} are forgotten, and so is how it failed."


RETRY = HostVerb("retry", "Try all that a host is owed now, and forget how it failed.", _retry)
PAUSE = HostVerb("pause", "Deliver nothing to a host until it is resumed.", _pause)
RESUME = HostVerb("resume", "Deliver to a host again.", _resume)
CLEAR = HostVerb("clear", "Forget all that a host is owed, and how it failed.", _clear)
