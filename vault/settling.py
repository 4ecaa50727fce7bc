"""Ends a replacement of the root key that was interrupted: forwards or backwards, by the key ring.

The ring changes from one root key to the other in one transaction, so it tells for sure which of the two
is in force. It is asked in SQL, for this may happen before Django's models are loaded.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from django.db import connection

from vault import vaultfile
from vault.envelope import KEY_ID
from vault.errors import CannotOpen, RingMissing, RootKeyError, RootKeyMismatch
from vault.protectors import keyfile, keyring
from vault.vaultfile import Body, Document, Protector, Vault

_RING = "vault_datakey"
# A destroyed data key leaves its row behind, empty.
_WRAPPED = "SELECT wrapped FROM vault_datakey WHERE length(wrapped) > 0"


@contextmanager
def changing(vault_path: Path) -> Iterator[None]:
    """One process at a time changes the vault's file; the kernel drops the lock with the process."""
    guard = os.open(
        vault_path.with_name(f".{vault_path.name}.lock"),
        os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC,
        0o600,
    )
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield
    finally:
        os.close(guard)


def settle(vault: Vault, vault_path: Path, key_file: Path) -> Vault:
    """Return the vault under the one root key that is in force, and leave no other in its file.

    Waits while another process is replacing the root key. Raises Sealed, errors of the database.
    """
    with changing(vault_path):
        return settle_alone(vault, vault_path, key_file)


def settle_alone(vault: Vault, vault_path: Path, key_file: Path) -> Vault:
    """Do what `settle` does, for one who is `changing` the file."""
    document = vaultfile.read(vault_path)
    roots = [root for root in (vault.next_root, vault.root) if root is not None]
    root = next((root for root in roots if root.id.hex() == document.current.root), roots[0])
    vault = vaultfile.unlock(document, root)
    if document.next is None or vault.next_root is None:
        return vault
    found = _ids_of_root_keys()
    if not found:
        # There was a ring before the replacement began: this is not its database.
        raise RingMissing(
            "a replacement of the root key was interrupted, and this database has no key ring to tell which "
            "of the two is in force: is it the one of this vault?"
        )
    if found == {vault.next_root.id}:
        kept, root, dropped = document.next, vault.next_root, document.current
        if _by_key_file(kept):
            # The key file first: until the vault's file follows, its other half opens by it.
            keyfile.promote(key_file)
    elif found == {vault.root.id}:
        kept, root, dropped = document.current, vault.root, document.next
    else:
        raise RootKeyMismatch("the database's keys are wrapped under none of the vault file's root keys")
    _require_key_file(kept, dropped, key_file)
    if kept is document.current:
        keyfile.drop_next(key_file)
    alone = Document(replace(kept, other="").signed(root))
    vaultfile.write(vault_path, alone)
    _discard_entries(dropped, kept)
    return Vault(alone, root)


def _ids_of_root_keys() -> set[bytes]:
    """Return the ids of the root keys that the ring is wrapped under."""
    with connection.cursor() as cursor:
        if _RING not in connection.introspection.table_names(cursor):
            return set()
        cursor.execute(_WRAPPED)
        return {bytes(wrapped)[KEY_ID] for (wrapped,) in cursor.fetchall()}


def _require_key_file(kept: Body, dropped: Body, key_file: Path) -> None:
    """Where the key file opens the half that goes, it has to open the one that stays too, or the place
    where nobody else opens the vault would be shut for good.

    Raises RootKeyMismatch: then it is a copy, and the key file that belongs here is elsewhere.
    """
    if _by_key_file(kept) and not _opens(kept, key_file) and _opens(dropped, key_file):
        raise RootKeyMismatch(
            f"a replacement of the root key was interrupted, and the key file at {key_file} is the one that "
            "goes: put the one that stays in its place"
        )


def _by_key_file(half: Body) -> list[Protector]:
    return [protector for protector in half.protectors if protector.kind == keyfile.KIND]


def _opens(half: Body, key_file: Path) -> bool:
    for protector in _by_key_file(half):
        try:
            protector.open(keyfile.load(key_file))
        except (CannotOpen, RootKeyError):
            continue
        return True
    return False


def _discard_entries(dropped: Body, kept: Body) -> None:
    entries = [protector.parameters for protector in kept.protectors if protector.kind == keyring.KIND]
    for protector in dropped.protectors:
        if protector.kind == keyring.KIND and protector.parameters not in entries:
            keyring.discard(protector.parameters)
