"""Opening the vault with nobody there: by the protectors that yield their key by themselves."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from vault import attempts, vaultfile
from vault.errors import CannotOpen, RootKeyError, RootKeyMismatch, Sealed
from vault.memory import LockedBytes
from vault.protectors import credential, keyfile, keyring
from vault.vaultfile import Protector, Vault


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


def open_vault() -> Vault:
    """Return the opened vault. Raises Sealed with the reason of the last protector that did not open."""
    path = Path(settings.HVX_DATA_DIR) / vaultfile.NAME
    document = vaultfile.read(path)
    refusal: Sealed = RootKeyError("it waits for a passphrase or shares: manage.py vault unseal")
    for body in document.bodies:
        for protector in body.protectors:
            if protector.kind not in KEYS:
                continue
            try:
                return vaultfile.unlock(document, protector.open(KEYS[protector.kind](protector)))
            except CannotOpen:
                refusal = RootKeyMismatch(f"the {protector.kind} is not the one of the vault file at {path}")
                # What is read only for this one command must not fail for a record that cannot be written.
                with suppress(RootKeyError):
                    attempts.note(protector.kind, "refused")
            except Sealed as sealed:
                refusal = sealed
    raise refusal
