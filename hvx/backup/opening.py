"""Opening the vault that a back-up brings along, whose file is not in its place yet."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from hvx.backup.errors import RestoreRefused
from vault import keys, ownfile, vaultfile
from vault.errors import CannotOpen, RootKeyError, RootKeyMismatch, RootKeyMissing
from vault.protectors import keyfile, unattended
from vault.rootkey import RootKey
from vault.unsealing import Unsealing
from vault.vaultfile import Document, Protector, Vault

Ask = Callable[[Unsealing], Vault]


def root(vault_file: bytes, key_file: Path, ask: Ask, *, named: bool = False) -> RootKey:
    """Return the root key that the vault's file gives.

    By the key file, by what else opens by itself here, or by what `ask` gets from people; by the key file
    alone where it was `named`. Raises RestoreRefused with what would open it, or for a file with two root
    keys; and what `ask` raises.
    """
    try:
        document = vaultfile.parse(vault_file, "in the back-up")
        if document.next is not None:
            # What opens the one that goes would open nothing once the ring has told which stays.
            raise RootKeyMismatch("the back-up was made while its root key was being replaced: take another")
        if named:
            return _by_key_file(document, key_file).root
        return (_by_itself(document, key_file) or _by_people(vault_file, document, ask)).root
    except RootKeyError as error:
        raise RestoreRefused(f"{error}. Nothing was touched.") from None


def require_no_other_key_file(vault_file: bytes) -> None:
    """Raises RestoreRefused where the server would find a key file that is not the one of this vault."""
    path = keys.root_key_path()
    try:
        protectors = _with_key_file(vaultfile.parse(vault_file, "in the back-up"))
        if protectors and path.exists() and not any(_opens(each, path) for each in protectors):
            raise RootKeyMismatch(
                f"the key file at {path} does not open the back-up's vault, and the server would look there "
                "for the one that does: move it away first"
            )
    except RootKeyError as error:
        raise RestoreRefused(f"{error}. Nothing was touched.") from None


def _by_key_file(document: Document, key_file: Path) -> Vault:
    """Raises RootKeyError with what is wrong with the file that was named."""
    if not key_file.exists():
        raise RootKeyMissing(f"there is no key file at {key_file}")
    keyfile.load(key_file)
    for protector in _with_key_file(document):
        if root := _opens(protector, key_file):
            return vaultfile.unlock(document, root)
    raise RootKeyMismatch(
        f"the key file at {key_file} does not open the back-up's vault; what opens it: {_kinds(document)}"
    )


def _with_key_file(document: Document) -> list[Protector]:
    return [each for each in document.current.protectors if each.kind == keyfile.KIND]


def _opens(protector: Protector, key_file: Path) -> RootKey | None:
    try:
        return protector.open(keyfile.load(key_file))
    except CannotOpen:
        return None


def _by_itself(document: Document, key_file: Path) -> Vault | None:
    for protector in document.current.protectors:
        try:
            if protector.kind == keyfile.KIND:
                return vaultfile.unlock(document, protector.open(keyfile.load(key_file)))
            if protector.kind in unattended.KEYS:
                return vaultfile.unlock(document, protector.open(unattended.KEYS[protector.kind](protector)))
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
    raise RootKeyMismatch(
        f"the back-up's vault does not open here; what opens it: {_kinds(document)} "
        "(a key file by --root-key-file)"
    )


def _kinds(document: Document) -> str:
    return ", ".join(sorted({protector.kind for protector in document.current.protectors}))


def keep_key_file(vault_file: bytes, key_file: Path) -> None:
    """Put a key file that opens the vault to where the server looks for it, if there is none.

    One that is there was seen to open it, by `require_no_other_key_file`.
    """
    for protector in _with_key_file(vaultfile.parse(vault_file, "in the back-up")):
        try:
            if _opens(protector, key_file):
                ownfile.create(keys.root_key_path(), keyfile.load(key_file).view)
                return
        except RootKeyError:
            # None was named, and none is there: people have opened the vault.
            return


def missing_key_file(vault_file: bytes) -> str:
    """Return what an operator must know where the server will look for a key file that is not there."""
    path = keys.root_key_path()
    if path.exists() or not _with_key_file(vaultfile.parse(vault_file, "in the back-up")):
        return ""
    return (
        f"This vault has a key file too, and none is at {path}: put it there if the server is to open the "
        "vault by itself."
    )


def protectors() -> list[Protector]:
    """Return what opens this server's vault."""
    return list(vaultfile.read(keys.vault_path()).current.protectors)
