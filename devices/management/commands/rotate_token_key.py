"""`manage.py rotate_token_key`: a new key signs access tokens from now on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from devices.services import signing
from vault.verbs import asking


class Command(BaseCommand):
    help = "Make a new key for access tokens. Tokens signed by the older keys stay good."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--withdraw",
            action="store_true",
            help="also withdraw every older key: all tokens end within seconds, and devices "
            "ask for new ones by themselves",
        )
        asking.add_to(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        asking.open_and_join(self, options)
        key = signing.rotate_token_key(withdraw=options["withdraw"])
        self.stdout.write(f"Access tokens are now signed by {key.id}.")
