"""The root key that this process holds, and the keys derived from it for what is no row.

The root key comes from one of three: it was handed over (`hold`), a protector opens it by itself, or a
person at a terminal is asked. Where none of them gives it, whatever needs it raises Sealed.
"""

import threading
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from vault import settling, vaultfile, whole
from vault.errors import Sealed, VaultFileDamaged
from vault.memory import LockedBytes
from vault.protectors import keyfile, unattended
from vault.rootkey import RootKey
from vault.vaultfile import Protector, Vault

# Of threads that open at once one does, or each would wipe the key of the one before.
_opening = threading.RLock()
_held: RootKey | None = None
_database_key: LockedBytes | None = None
_ask: Callable[[Path], Vault] | None = None
_may_begin = False


def vault_path() -> Path:
    """Return where the vault's file is, or is to be."""
    return Path(settings.HVX_DATA_DIR) / vaultfile.NAME


def root_key_path() -> Path:
    """Return where the key file is, or is to be, that opens the vault by itself."""
    return Path(settings.HVX_ROOT_KEY_FILE)


def root() -> RootKey:
    """Return this process's root key, opened at the first call where it was not handed over.

    Never makes one: `begin` alone does. Raises Sealed, with the reason for the operator.
    """
    with _opening:
        if _held is not None:
            return _held
        try:
            vault = unattended.open_vault()
        except VaultFileDamaged:
            raise
        except Sealed as sealed:
            vault = ask(vault_path(), sealed)
        return take(vault)


def take(vault: Vault) -> RootKey:
    """Use the root key of a vault that was opened, and return it.

    Where a replacement of the root key was interrupted, it is ended here (`vault.settling`), which
    reads the database. Raises Sealed, errors of the database.
    """
    global _database_key
    hold(vault.root)
    _database_key = vault.database_key()
    if vault.next_root is not None:
        hold(settling.settle(vault, vault_path(), root_key_path()).root)
    return root()


def hold(root: RootKey) -> None:
    """Use this root key from now on."""
    global _held
    with _opening:
        if root is not _held:
            forget()
            _held = root


def ask_with(ask: Callable[[Path], Vault]) -> None:
    """Where nothing opens the vault by itself, have `ask` open the file: for a command at a terminal."""
    global _ask
    _ask = ask


def ask(path: Path, sealed: Sealed) -> Vault:
    """Have the person at the terminal open this file. Raises `sealed` where nobody can be asked."""
    if _ask is None:
        raise sealed
    return _ask(path)


def held() -> bool:
    """Whether this process has the root key in its memory."""
    return _held is not None


def forget() -> None:
    """Wipe the root key and the database's; the next use opens the vault anew."""
    global _held, _database_key
    with _opening:
        for key in (_held, _database_key):
            if key is not None:
                key.wipe()
        _held = _database_key = None


def let_begin() -> None:
    """Have this process begin a vault and a database where nothing is.

    For what an operator runs to begin a server. Any other command in a wrong folder would make a second one.
    """
    global _may_begin
    _may_begin = True


def may_begin() -> bool:
    """Whether this process may begin a vault and a database where nothing is."""
    return _may_begin


def begin() -> None:
    """Make a root key, and a key file that opens it, unless there is a vault's file.

    Only for one who has seen that there is nothing yet that another root key may have sealed: the
    database's file is not there, or its key ring is empty.
    """
    begin_at(vault_path(), root_key_path())


def begin_at(vault: Path, key_file: Path) -> None:
    """Do what `begin` does, at these two places.

    Of several processes that begin at once one wins; after a crash the next finds a key file and
    goes on from it.
    """
    if vault.exists() or vault.is_symlink():
        return
    key = keyfile.load_or_create(key_file)
    made = RootKey.new()
    vaultfile.create(vault, vaultfile.new(made, [Protector.make(made, keyfile.KIND, {}, key)]))


def remove_drafts() -> None:
    """Remove what writers of the vault's files left behind that were killed."""
    with settling.changing(vault_path()):
        whole.remove_drafts(vault_path())
        keyfile.remove_all_drafts(root_key_path())


def database_key() -> bytes:
    """Return the 32 bytes that the embedded database is encrypted under. Raises Sealed."""
    global _database_key
    with _opening:
        if _database_key is None:
            _database_key = opened().database_key()
        return bytes(_database_key.view)


def opened() -> Vault:
    """Return the vault's file, opened by this process's root key. Raises Sealed."""
    return vaultfile.unlock(vaultfile.read(vault_path()), root())


def derive(purpose: str, length: int = 32) -> bytes:
    """Return `length` (at most 8160) bytes that only this root key gives for this purpose.

    HKDF-SHA256 (RFC 5869). They change with the root key, so use them for what may then
    be forgotten; what must outlive it belongs in a SealedField.
    """
    return root().derive("derive", purpose, length)
