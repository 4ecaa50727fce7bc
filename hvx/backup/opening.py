"""Opening the vault that a back-up brings along, whose file is not in its place yet."""

from pathlib import Path

from django.conf import settings

from hvx.backup.errors import RestoreRefused
from vault import keys, ownfile, vaultfile
from vault.errors import CannotOpen, RootKeyError
from vault.protectors import keyfile
from vault.rootkey import RootKey
from vault.vaultfile import Document, Vault


def roots(vault_file: bytes, key_file: Path) -> tuple[RootKey, ...]:
    """Return the root keys that the vault's file gives: one, or two while one is being replaced.

    By the key file where there is one that fits. Raises RestoreRefused with what would open it.
    """
    vault = _by_key_file(vaultfile.parse(vault_file, "in the back-up"), key_file)
    return tuple(root for root in (vault.root, vault.next_root) if root is not None)


def _by_key_file(document: Document, key_file: Path) -> Vault:
    kinds = sorted({protector.kind for body in document.bodies for protector in body.protectors})
    try:
        key = keyfile.load(key_file)
        for body in document.bodies:
            for protector in body.protectors:
                if protector.kind == keyfile.KIND:
                    try:
                        return vaultfile.unlock(document, protector.open(key))
                    except CannotOpen:
                        continue
        raise RestoreRefused(f"the key file {key_file} is not the one of this back-up.")
    except RootKeyError as error:
        raise RestoreRefused(f"{error}. This back-up opens by: {', '.join(kinds)}.") from None


def keep_key_file(given: Path | None) -> Path | None:
    """Put a key file that was named to where the server looks for it, if there is none; return where."""
    target = keys.root_key_path()
    if given is None or target.exists():
        return None
    return target if ownfile.create(target, keyfile.load(given).view) else None


def protectors() -> list[str]:
    """Return the kinds of what opens this server's vault."""
    document = vaultfile.read(Path(settings.HVX_DATA_DIR) / vaultfile.NAME)
    return sorted({protector.kind for protector in document.current.protectors})
