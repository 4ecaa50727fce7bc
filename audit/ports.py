"""What the audit needs of rooms above it, as typed ports that hvx/wiring.py connects."""

from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

from django.core.management.base import BaseCommand, CommandParser

P = ParamSpec("P")
R = TypeVar("R")


class Question(Generic[P, R]):
    """A question that exactly one function of a higher room answers."""

    def __init__(self) -> None:
        self._function: Callable[P, R] | None = None

    def connect(self, function: Callable[P, R]) -> None:
        """Say who answers; a later one takes the place of the earlier."""
        self._function = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._function is None:
            raise LookupError("nobody answers this port; hvx/wiring.py says who does")
        return self._function(*args, **kwargs)


# The 32 random bytes that the audit's keys come from. Raises a Problem where the vault is sealed.
key: Question[[], bytes] = Question()

# Declares where a command's script may bring what opens the vault, and opens it. Raises Sealed, CommandError.
secrets: Question[[CommandParser], None] = Question()
open_vault: Question[[BaseCommand, dict[str, Any]], None] = Question()

# The id of the account of this username or id; None where there is none.
account_named: Question[[str], str | None] = Question()
