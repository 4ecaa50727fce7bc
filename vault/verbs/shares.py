"""Split the root key's protection anew among people. Shares of the former set open nothing any more."""

import argparse
import re
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from vault import replacing
from vault.protectors import shares
from vault.vaultfile import Protector, Vault
from vault.verbs import asking, choosing
from vault.verbs.asking import Asking

NAME = "shares"


def _numbers(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,2})/(\d{1,2})", text)
    if not found:
        raise argparse.ArgumentTypeError("T/N: any T of N shares open the vault, 3/5 for example")
    return int(found[1]), int(found[2])


def add_to(parser: CommandParser) -> None:
    parser.add_argument("numbers", metavar="T/N", type=_numbers, help="any T of N shares open the vault")
    asking.add_to(parser)


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    asked = Asking(command, options)
    asked.opened()
    threshold, count = options["numbers"]

    def choose(vault: Vault) -> Sequence[Protector]:
        kept = [each for each in vault.document.current.protectors if each.kind != shares.KIND]
        return [*kept, choosing.split(vault.root, threshold, count, asked)]

    with asked.telling_void():
        replacing.replace_protectors(choose, {"added": f"shares={threshold}/{count}", "removed": "shares"})
    command.stdout.write("The new shares are in force.")
