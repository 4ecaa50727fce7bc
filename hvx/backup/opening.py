"""Opening the vault that a back-up brings along, whose file is not in its place yet."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from hvx.backup.errors import RestoreRefused
from vault import keys, ownfile, vaultfile
from vault.errors import CannotOpen, RootKeyError, RootKeyMismatch
from vault.protectors import keyfile, unattended
from vault.rootkey import RootKey
from vault.unsealing import Unsealing
from vault.vaultfile import Document, Protector, Vault

Ask = Callable[[Unsealing], Vault]


def roots(vault_file: bytes, key_file: Path, ask: Ask) -> tuple[RootKey, ...]:
    """Return the root keys that the vault's file gives: one, or two while one is being replaced.

    By the key file, by what else opens by itself here, or by what `ask` gets from people. Raises
    RestoreRefused with what would open it, and what `ask` raises.
    """
    try:
        document = vaultfile.parse(vault_file, "in the back-up")
        vault = _by_itself(document, key_file) or _by_people(vault_file, document, ask)
    except RootKeyError as error:
        raise RestoreRefused(f"{error}. Nothing was touched.") from None
    return tuple(root for root in (vault.root, vault.next_root) if root is not None)


def _by_itself(document: Document, key_file: Path) -> Vault | None:
    for body in document.bodies:
        for protector in body.protectors:
            try:
                if protector.kind == keyfile.KIND:
                    return vaultfile.unlock(document, protector.open(keyfile.load(key_file)))
                if protector.kind in unattended.KEYS:
                    return vaultfile.unlock(
                        document, protector.open(unattended.KEYS[protector.kind](protector))
                    )
            except (CannotOpen, RootKeyError):
                continue
    return None


def _by_people(vault_file: bytes, document: Document, ask: Ask) -> Vault:
    with tempfile.TemporaryDirectory(prefix="hvx-restore-") as folder:
        path = Path(folder) / vaultfile.NAME
        ownfile.create(path, vault_file)
        unsealing = Unsealing(path)
        if unsealing.wants:
            return ask(unsealing)
    kinds = ", ".join(sorted({protector.kind for body in document.bodies for protector in body.protectors}))
    raise RootKeyMismatch(
        f"the back-up's vault does not open here; what opens it: {kinds} (a key file by --root-key-file)"
    )


def keep_key_file(vault_file: bytes, key_file: Path) -> None:
    """Put a key file that opens the vault to where the server looks for it, if there is none."""
    document = vaultfile.parse(vault_file, "in the back-up")
    for protector in document.current.protectors:
        if protector.kind == keyfile.KIND:
            try:
                key = keyfile.load(key_file)
                protector.open(key)
            except (CannotOpen, RootKeyError):
                continue
            ownfile.create(keys.root_key_path(), key.view)


def protectors() -> list[Protector]:
    """Return what opens this server's vault."""
    return list(vaultfile.read(keys.vault_path()).current.protectors)
