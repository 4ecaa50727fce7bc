"""Opening the vault with nobody there: by the protectors that yield their key by themselves."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from vault import attempts, vaultfile
from vault.errors import (
    CannotOpen,
    RootKeyError,
    RootKeyMismatch,
    Sealed,
    VaultFileDamaged,
    WaitsForPeople,
)
from vault.memory import LockedBytes
from vault.protectors import credential, keyfile, keyring
from vault.vaultfile import Document, Protector, Vault


def _from_keyfile(protector: Protector) -> LockedBytes:
    return keyfile.load(Path(settings.HVX_ROOT_KEY_FILE))


def _from_keyring(protector: Protector) -> LockedBytes:
    return keyring.kek(protector.parameters)


def _from_credential(protector: Protector) -> LockedBytes:
    return credential.kek()


KEYS: Mapping[str, Callable[[Protector], LockedBytes]] = {
    keyfile.KIND: _from_keyfile,
    keyring.KIND: _from_keyring,
    credential.KIND: _from_credential,
}


def open_vault(*, noted: bool = True) -> Vault:
    """Return the opened vault. Each protector that does not open it is noted as an attempt.

    Raises VaultFileDamaged for a file that was changed, WaitsForPeople where nothing opens by itself,
    else Sealed with the reason of each that does not.
    """
    document = vaultfile.read(Path(settings.HVX_DATA_DIR) / vaultfile.NAME)
    refusals: list[Sealed] = []
    for body in document.bodies:
        for protector in body.protectors:
            if protector.kind not in KEYS:
                continue
            try:
                return _opened(document, protector)
            except Sealed as sealed:
                if noted:
                    _note(protector.kind)
                if isinstance(sealed, VaultFileDamaged):
                    raise
                refusals.append(sealed)
    if len(refusals) > 1:
        raise RootKeyError("; ".join(str(refusal) for refusal in refusals))
    raise refusals[0] if refusals else WaitsForPeople


def _opened(document: Document, protector: Protector) -> Vault:
    try:
        root = protector.open(KEYS[protector.kind](protector))
    except CannotOpen:
        path = Path(settings.HVX_DATA_DIR) / vaultfile.NAME
        raise RootKeyMismatch(f"the {protector.kind} is not the one of the vault file at {path}") from None
    try:
        return vaultfile.unlock(document, root)
    except RootKeyMismatch:
        raise VaultFileDamaged("the vault's file names another root key than its protectors wrap") from None


def _note(kind: str) -> None:
    # What is read only for this one command must not fail for a record that cannot be written.
    with suppress(RootKeyError):
        attempts.note(kind, "refused")
