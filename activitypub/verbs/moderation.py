"""What moderators do: decide about a host, lift that, list what is decided; suspend an actor, or end that."""

import argparse
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from activitypub.models import Actor, HostPolicy, Severity
from activitypub.protocol.uris import host_name
from activitypub.queries.hosts import is_ours
from activitypub.services import moderation
from vault.verbs import asking

_FLAGS = ("reject-media", "reject-reports", "obfuscate", "allow")
_COLUMNS = {"allow": "allowed"}
_COMMENTS = ("public-comment", "private-comment")


class Decide:
    """Let something hold for a host and all its subdomains; what is not named stays as it was."""

    NAME = "decide"

    def add_to(self, parser: CommandParser) -> None:
        parser.add_argument("host", help="its name, without a port")
        parser.add_argument("--severity", choices=[severity.value for severity in Severity])
        for flag in _FLAGS:
            parser.add_argument(f"--{flag}", action=argparse.BooleanOptionalAction, default=None)
        for comment in _COMMENTS:
            parser.add_argument(f"--{comment}", metavar="TEXT")
        asking.add_to(parser)

    def run(self, command: BaseCommand, options: dict[str, Any]) -> None:
        host = _host(options["host"])
        if is_ours(host):
            raise CommandError(f"this server itself is at {host}")
        decided = {}
        for name in ("severity", *_FLAGS, *_COMMENTS):
            value = options[name.replace("-", "_")]
            if value is not None:
                decided[_COLUMNS.get(name, name.replace("-", "_"))] = value
        if not decided:
            raise CommandError("name what is to hold: --severity, or one of the others")
        asking.open_and_join(command, options)
        command.stdout.write(line(moderation.decide(host, **decided)))


class Lift:
    """Let nothing hold for a host any more but what holds for a domain above it."""

    NAME = "lift"

    def add_to(self, parser: CommandParser) -> None:
        parser.add_argument("host", help="its name, without a port")
        asking.add_to(parser)

    def run(self, command: BaseCommand, options: dict[str, Any]) -> None:
        host = _host(options["host"])
        asking.open_and_join(command, options)
        if not moderation.lift(host):
            raise CommandError(f"nothing was decided about {host}")
        command.stdout.write(f"Nothing is decided about {host} any more.")


class Decided:
    """List what is decided about hosts."""

    NAME = "decided"

    def add_to(self, parser: CommandParser) -> None:
        asking.add_to(parser)

    def run(self, command: BaseCommand, options: dict[str, Any]) -> None:
        asking.open_vault(command, options)
        for policy in HostPolicy.objects.order_by("host").iterator():
            command.stdout.write(line(policy))


class OnActor:
    """A verb for one actor. `summary` stands where a class has its docstring."""

    def __init__(self, name: str, summary: str, do: Callable[[Actor], bool], said: str, not_so: str) -> None:
        self.NAME = name
        self.__doc__ = summary
        self._do = do
        self._said = said
        self._not_so = not_so

    def add_to(self, parser: CommandParser) -> None:
        parser.add_argument("uri", help="the actor's id, as https://social.example/users/name")
        asking.add_to(parser)

    def run(self, command: BaseCommand, options: dict[str, Any]) -> None:
        asking.open_and_join(command, options)
        actor = Actor.objects.filter(uri=options["uri"]).first()
        if actor is None:
            raise CommandError(f"{options['uri']} is nobody who is known here")
        if not self._do(actor):
            raise CommandError(f"{actor.uri} {self._not_so}")
        command.stdout.write(f"{actor.uri} {self._said}.")


def line(policy: HostPolicy) -> str:
    """What is decided about a host, in one line."""
    words = (
        (policy.severity == Severity.SUSPEND, "suspended"),
        (policy.severity == Severity.SILENCE, "silenced"),
        (policy.reject_media, "no media"),
        (policy.reject_reports, "no reports"),
        (policy.allowed, "let in"),
    )
    said = [word for holds, word in words if holds]
    return f"{policy.host}: {', '.join(said) or 'nothing'}"


def _host(typed: str) -> str:
    host = host_name(typed)
    if host is None or "." not in host:
        raise CommandError(f"{typed} is no host: write it like social.example.org")
    return host


DECIDE = Decide()
LIFT = Lift()
DECIDED = Decided()
SUSPEND = OnActor(
    "suspend",
    "Hide an actor and all that is its own, and exchange nothing with it.",
    moderation.suspend,
    "is suspended",
    "was suspended before, or cannot be",
)
UNSUSPEND = OnActor(
    "unsuspend",
    "Show an actor again that was suspended.",
    moderation.unsuspend,
    "is no longer suspended",
    "was not suspended by itself",
)
