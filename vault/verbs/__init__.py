"""What `manage.py vault` can do, a file a verb.

Each has `NAME`, `add_to(parser)`, which declares its arguments, and `run(command, options)`.
A secret is asked for at the terminal or read from standard input or a descriptor, never taken
from the command line, where every process of the machine could read it.
"""

from typing import Any, Protocol

from django.core.management.base import BaseCommand, CommandParser


class Verb(Protocol):
    """The shape of a module of this package."""

    NAME: str

    def add_to(self, parser: CommandParser) -> None:
        """Declare the verb's arguments."""

    def run(self, command: BaseCommand, options: dict[str, Any]) -> None:
        """Do it; what went wrong is a CommandError of one sentence."""
