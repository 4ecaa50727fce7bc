"""`manage.py vault VERB`: everything that an operator does with the vault."""

from typing import Any, cast

from django.core.management.base import BaseCommand, CommandParser

from vault.verbs import (
    Verb,
    encrypt_database,
    file,
    init,
    rewrap,
    rotate_data,
    rotate_root,
    seal,
    shares,
    status,
    unseal,
)

VERBS: tuple[Verb, ...] = (
    cast(Verb, encrypt_database),
    cast(Verb, file),
    cast(Verb, init),
    cast(Verb, rewrap),
    cast(Verb, rotate_data),
    cast(Verb, rotate_root),
    cast(Verb, seal),
    cast(Verb, shares),
    cast(Verb, status),
    cast(Verb, unseal),
)


class Command(BaseCommand):
    help = "The vault: its root key, its seal and its rotations."
    # A sealed or damaged vault is what this command is there for.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
        for verb in VERBS:
            summary = (cast(Any, verb).__doc__ or "").partition("\n")[0]
            verb.add_to(verbs.add_parser(verb.NAME, help=summary, description=summary))

    def handle(self, *args: Any, **options: Any) -> None:
        next(verb for verb in VERBS if options["verb"] == verb.NAME).run(self, options)
