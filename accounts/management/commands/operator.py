"""`manage.py operator add|password|remove|list`: who may sign in to the administration's pages."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.exceptions import ValidationError

from accounts.models import Operator
from accounts.services import operators
from audit.errors import Problem
from vault.verbs import asking

_WITH_NAME = {
    "add": "make an operator; the password is asked for, or read from --stdin or --fd",
    "password": "give an operator another password, and end their sessions",
    "remove": "end an operator, and their sessions",
}


class Command(BaseCommand):
    help = "Operators: who may sign in to the administration's pages (HVX_ADMIN)."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
        for verb, summary in _WITH_NAME.items():
            own = verbs.add_parser(verb, help=summary, description=summary)
            own.add_argument("name", help="what they sign in by; no account's username")
            asking.add_to(own)
        asking.add_to(verbs.add_parser("list", help="who there is"))

    def handle(self, *args: Any, **options: Any) -> None:
        asked = asking.Asking(self, options)
        asking.open_and_join(self, options)
        try:
            self._do(options["verb"], options.get("name", ""), asked)
        except (operators.NoSuchOperator, Problem) as refused:
            raise CommandError(str(refused)) from None
        except ValidationError as weak:
            told: Any = weak.detail
            raise CommandError(" ".join(map(str, told["password"]))) from None

    def _do(self, verb: str, name: str, asked: asking.Asking) -> None:
        match verb:
            case "add":
                operators.add(name, _password(asked))
                self.stdout.write(f"{name} may sign in.")
            case "password":
                operators.set_password(name, _password(asked))
                self.stdout.write(f"{name} has another password, and signs in anew.")
            case "remove":
                operators.remove(name)
                self.stdout.write(f"{name} is no operator any more.")
            case _:
                for operator in Operator.objects.order_by("name"):
                    self.stdout.write(f"{operator.name}, since {operator.created_at:%Y-%m-%d}")


def _password(asked: asking.Asking) -> str:
    """Typed twice where a person types."""
    password = asked.secret("Password")
    if asked.by_hand and asked.secret("Once more") != password:
        raise CommandError("these two are not the same")
    return password
