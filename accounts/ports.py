"""What the accounts room needs of rooms above it, as typed ports that hvx/wiring.py connects."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from devices.ports import Port


@dataclass(frozen=True)
class Part:
    """One file of an export: `<name>.json`.

    `content` is one object, or rows that become an array; values are what JSON has, times, or bytes
    (written as base64url). `about` is a sentence for the README of the archive.
    """

    name: str
    about: str
    content: Mapping[str, Any] | Iterable[Mapping[str, Any]]


class ExportParts:
    """Functions that each give a room's parts of an export, asked inside the snapshot that it is made of."""

    def __init__(self) -> None:
        self._functions: list[Callable[[str], Iterable[Part]]] = []

    def connect(self, function: Callable[[str], Iterable[Part]]) -> None:
        """Add a function of an account id; the same one twice stands once."""
        if function not in self._functions:
            self._functions.append(function)

    def __call__(self, account_id: str) -> Iterable[Part]:
        for function in self._functions:
            yield from function(account_id)


export_parts = ExportParts()


class AccountMade:
    """Functions that each make of a new account what a room above has of it, in two steps: what takes long
    before the transaction opens, the rows inside it."""

    def __init__(self) -> None:
        self._functions: list[Callable[[], Callable[[str, str], None]]] = []

    def connect(self, function: Callable[[], Callable[[str, str], None]]) -> None:
        """Add a function without arguments, which returns one of an account id and a username; the same
        one twice stands once."""
        if function not in self._functions:
            self._functions.append(function)

    def prepare(self) -> Callable[[str, str], None]:
        """Do what takes long, and return what is to be called inside the transaction."""
        makers = [function() for function in self._functions]

        def make(account_id: str, username: str) -> None:
            for maker in makers:
                maker(account_id, username)

        return make


account_made = AccountMade()

# (account id, account text): called before anything of the account goes, in the transaction in which all
# of it goes. What a room says to the world of it, it says after the commit.
account_erased: Port[[str, str]] = Port()
