"""Put a new root key in force: the ring, the database's own key and every protector anew."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from vault import keys, lock, replacing
from vault.protectors import credential, shares
from vault.rootkey import RootKey
from vault.vaultfile import Protector
from vault.verbs import asking, choosing
from vault.verbs.asking import Asking

NAME = "rotate-root"


def add_to(parser: CommandParser) -> None:
    asking.add_to(parser)


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    asked = Asking(command, options)
    asked.opened()

    def make(root: RootKey) -> Sequence[Protector]:
        # Those of now, when nobody else changes them. All is asked for before any share is shown.
        former = keys.opened().document.current.protectors
        ordered = sorted(former, key=lambda each: each.kind == shares.KIND)
        return [choosing.again(each, root, asked) for each in ordered]

    try:
        with asked.telling_void():
            replacing.replace_root(make)
    except lock.Held as held:
        raise CommandError(
            f"{held}. Its workers hold keys that come from the root key, so this is done while none runs"
        ) from None
    now = keys.opened().document.current.protectors
    command.stdout.write(
        f"A new root key is in force. The vault opens by: {', '.join(choosing.told(each) for each in now)}."
    )
    if any(each.kind == credential.KIND for each in now):
        command.stdout.write(
            "systemd's credential stays; if it may be known, give the service another by rewrap."
        )
