"""`manage.py invite`: leave for somebody to register while HVX_REGISTRATION=invite."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.services import registration
from vault.verbs import asking


class Command(BaseCommand):
    help = "Make an invite and print its code once."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--uses", type=int, default=1, help="how many may register by it")
        parser.add_argument("--days", type=int, default=7, help="how long it is good for")
        asking.add_to(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        asking.open_and_join(self, options)
        self.stdout.write(registration.make_invite(uses=options["uses"], days=options["days"]))
