"""Seal a running server: its workers end, the root key is wiped from memory, and shares are dropped."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from vault import control

NAME = "seal"


def add_to(parser: CommandParser) -> None:
    """No arguments: what is sealed is the server of this data folder."""


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    try:
        outcome = control.outcome(settings.HVX_DATA_DIR, do="seal")
        while outcome.get("state") == "serving":
            # Its sealed process was asked in the moment in which the workers took over.
            outcome = control.outcome(settings.HVX_DATA_DIR, do="seal")
    except control.NoServer as nobody:
        raise CommandError(str(nobody)) from None
    if "error" in outcome:
        raise CommandError(outcome["error"])
    command.stdout.write("The server is sealed: it answers 503 until `manage.py vault unseal`.")
    if outcome.get("dropped"):
        command.stdout.write(f"Shares that were brought and are dropped: {outcome['dropped']}.")
