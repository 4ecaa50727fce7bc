"""Change what opens the vault: a passphrase, a protector more or less. The root key stays."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from vault import keys, replacing
from vault.protectors import keyfile, keyring, passphrase
from vault.vaultfile import Protector, Vault
from vault.verbs import asking, choosing
from vault.verbs.asking import Asking

NAME = "rewrap"


def add_to(parser: CommandParser) -> None:
    parser.add_argument(
        "--add", action="append", default=[], metavar="HOW", help=f"add a protector: {choosing.HELP}"
    )
    parser.add_argument(
        "--remove",
        action="append",
        default=[],
        metavar="WHICH",
        help="remove a protector, by its kind or by the id that `status` shows",
    )
    parser.add_argument(
        "--passphrase", action="store_true", help="replace the passphrase, or all of them, by a new one"
    )
    asking.add_to(parser)


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    if not (options["add"] or options["remove"] or options["passphrase"]):
        raise CommandError("nothing is to be changed: --add, --remove or --passphrase")
    asked = Asking(command, options)
    asked.opened()
    adding = [*options["add"], *([passphrase.KIND] if options["passphrase"] else [])]
    removed: list[Protector] = []

    def choose(vault: Vault) -> Sequence[Protector]:
        protectors = vault.document.current.protectors
        removed.extend(_named(protectors, options["remove"]))
        if options["passphrase"]:
            removed.extend(each for each in protectors if each.kind == passphrase.KIND)
        kept = [each for each in protectors if each not in removed]
        for name in adding:
            if name in (keyfile.KIND, "credential") and name in (each.kind for each in protectors):
                raise CommandError(f"there is a {name} already; rotate-root makes a new one")
        added = [choosing.make(name, vault.root, asked) for name in choosing.shares_last(adding)]
        if not kept and not added:
            raise CommandError("one protector has to stay, or nobody opens the vault again")
        return [*kept, *added]

    details = {"added": " ".join(adding), "removed": " ".join(options["remove"])}
    with asked.telling_void():
        replacing.replace_protectors(choose, details)
    _discard(removed)
    now = keys.opened().document.current.protectors
    command.stdout.write(f"The vault opens by: {', '.join(choosing.told(each) for each in now)}.")


def _named(protectors: Sequence[Protector], names: Sequence[str]) -> list[Protector]:
    found: list[Protector] = []
    for name in names:
        fits = [each for each in protectors if name in (each.kind, each.id, each.id[:8])]
        if not fits:
            raise CommandError(f"the vault has no protector {name!r}")
        found.extend(fits)
    return found


def _discard(removed: Sequence[Protector]) -> None:
    """Remove what the protectors left behind; it opens nothing but an old copy of the vault's file."""
    for protector in removed:
        if protector.kind == keyfile.KIND:
            keyfile.drop_next(keys.root_key_path())
            keys.root_key_path().unlink(missing_ok=True)
        elif protector.kind == keyring.KIND:
            keyring.discard(protector.parameters)
