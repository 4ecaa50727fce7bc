"""Opening the vault with nobody there: by the protectors that yield their key by themselves."""

from collections.abc import Callable, Mapping
from pathlib import Path

from django.conf import settings

from vault import vaultfile
from vault.errors import CannotOpen, RootKeyMismatch, Sealed
from vault.memory import LockedBytes
from vault.protectors import keyfile
from vault.vaultfile import Protector, Vault


def _from_keyfile(protector: Protector) -> LockedBytes:
    return keyfile.load(Path(settings.HVX_ROOT_KEY_FILE))


KEYS: Mapping[str, Callable[[Protector], LockedBytes]] = {keyfile.KIND: _from_keyfile}


def open_vault() -> Vault:
    """Return the opened vault. Raises Sealed with the reason of the last protector that did not open."""
    path = Path(settings.HVX_DATA_DIR) / vaultfile.NAME
    document = vaultfile.read(path)
    refusal: Sealed = Sealed()
    for body in document.bodies:
        for protector in body.protectors:
            if protector.kind not in KEYS:
                continue
            try:
                return vaultfile.unlock(document, protector.open(KEYS[protector.kind](protector)))
            except CannotOpen:
                refusal = RootKeyMismatch(f"the {protector.kind} is not the one of the vault file at {path}")
            except Sealed as sealed:
                refusal = sealed
    raise refusal
