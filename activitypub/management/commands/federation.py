"""`manage.py federation VERB`: everything that an operator does with the fediverse."""

from typing import Any, cast

from django.core.management.base import BaseCommand, CommandParser

from activitypub.verbs import blocklists, check, hosts, moderation, reports, rotate_keys, status
from vault.verbs import Verb

VERBS: tuple[Verb, ...] = (
    cast(Verb, rotate_keys),
    cast(Verb, status),
    cast(Verb, check),
    hosts.RETRY,
    hosts.PAUSE,
    hosts.RESUME,
    hosts.CLEAR,
    moderation.DECIDE,
    moderation.LIFT,
    moderation.DECIDED,
    moderation.SUSPEND,
    moderation.UNSUSPEND,
    reports.OPEN,
    reports.RESOLVE,
    blocklists.IMPORT,
    blocklists.EXPORT,
)


class Command(BaseCommand):
    help = "The fediverse: this server's actors and their keys, and what goes to other servers."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
        for verb in VERBS:
            summary = (cast(Any, verb).__doc__ or "").partition("\n")[0]
            verb.add_to(verbs.add_parser(verb.NAME, help=summary, description=summary))

    def handle(self, *args: Any, **options: Any) -> None:
        next(verb for verb in VERBS if options["verb"] == verb.NAME).run(self, options)
