"""Make a vault with a new root key, where there is none yet."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from vault import keys, vaultfile
from vault.protectors import keyfile
from vault.rootkey import RootKey
from vault.verbs import asking, choosing
from vault.verbs.asking import Asking

NAME = "init"


def add_to(parser: CommandParser) -> None:
    parser.add_argument(
        "--protect",
        action="append",
        metavar="HOW",
        help=f"what opens it, once for each: {choosing.HELP}; without any, keyfile",
    )
    asking.add_to(parser)


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    path = keys.vault_path()
    if path.exists() or path.is_symlink():
        raise CommandError(f"there is a vault already: {path}")
    refuse_a_database()
    asked = Asking(command, options)
    root = RootKey.new()
    names = choosing.shares_last(options["protect"] or [keyfile.KIND])
    with asked.telling_void():
        protectors = [choosing.make(name, root, asked) for name in names]
        if not vaultfile.create(path, vaultfile.new(root, protectors)):
            raise CommandError(f"another process has made a vault meanwhile: {path}")
    command.stdout.write(f"A vault is made: {', '.join(choosing.told(each) for each in protectors)}.")
    if keyfile.KIND in names:
        command.stdout.write(keyfile.advice(keys.root_key_path()))


def refuse_a_database() -> None:
    """A database without a vault belongs to one that is not here; another root key would bury it."""
    database = settings.DATABASES["default"]
    if "postgresql" not in database["ENGINE"]:
        if Path(database["NAME"]).exists():
            raise CommandError(f"there is a database already, of another vault: {database['NAME']}")
        return
    # Without a vault there is nothing that reading the ring's rows could open.
    from vault import replacing

    if replacing.has_ring():
        raise CommandError("the database has a key ring already, of another vault")
