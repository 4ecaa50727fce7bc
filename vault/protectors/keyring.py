"""The system's keyring: a random key that the desktop or the service manager keeps."""

import base64
import binascii
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from vault.errors import ProtectorUnusable
from vault.memory import LockedBytes

if TYPE_CHECKING:
    from keyring.errors import KeyringError

# The library is imported by the functions that use it: most vaults open otherwise, and every process of the
# server and every command imports this module.

KIND = "keyring"
_SERVICE = "hvx-vault"
_KEY_LENGTH = 32


def protect() -> tuple[dict[str, int | str], LockedBytes]:
    """Put a new key under a new entry; return the entry's name and the key. Raises ProtectorUnusable."""
    import keyring
    from keyring.errors import KeyringError

    entry = secrets.token_hex(16)
    key = LockedBytes.random(_KEY_LENGTH)
    parameters: dict[str, int | str] = {"entry": entry}
    try:
        keyring.set_password(_SERVICE, entry, base64.b64encode(key.view).decode())
    except KeyringError as error:
        raise ProtectorUnusable(_sentence(error)) from None
    # Some backends keep nothing and say nothing; the vault would not open again.
    if bytes(kek(parameters).view) != bytes(key.view):
        raise ProtectorUnusable("the system's keyring does not give back what was put into it")
    return parameters, key


def kek(parameters: Mapping[str, int | str]) -> LockedBytes:
    """Return the entry's key. Raises ProtectorUnusable where there is no keyring, or no entry in it."""
    import keyring
    from keyring.errors import KeyringError

    try:
        kept = keyring.get_password(_SERVICE, str(parameters.get("entry")))
    except KeyringError as error:
        raise ProtectorUnusable(_sentence(error)) from None
    if kept is None:
        raise ProtectorUnusable("the system's keyring has no key for this vault")
    try:
        raw = base64.b64decode(kept, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _KEY_LENGTH:
        raise ProtectorUnusable("the system's keyring holds something else under this vault's entry")
    return LockedBytes.of(raw)


def discard(parameters: Mapping[str, int | str]) -> None:
    """Remove the entry; one that cannot be removed opens nothing any more."""
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.delete_password(_SERVICE, str(parameters.get("entry")))
    except KeyringError:
        return


def _sentence(error: "KeyringError") -> str:
    from keyring.errors import KeyringLocked, NoKeyringError

    # A backend's own text is not passed on: nobody knows what it quotes.
    if isinstance(error, NoKeyringError):
        return "this system has no keyring that Python can reach"
    if isinstance(error, KeyringLocked):
        return "the system's keyring is locked"
    return f"the system's keyring does not answer ({type(error).__name__})"
