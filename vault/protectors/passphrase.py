"""A passphrase: its Argon2id is the key. The parameters stand beside it and are bounded both ways.

Too cheap is refused, or whoever can write the vault's file could have the next passphrase stretched
weakly; too dear is refused, or the file could be made to take all memory. A wrong guess costs a guesser
here what it costs at home: the stretching, and nothing else, slows guessing.
"""

import os
import unicodedata
from collections.abc import Mapping

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from vault.errors import ProtectorUnusable
from vault.memory import LockedBytes

KIND = "passphrase"
SHORTEST = 12
_KEY_LENGTH = 32
_SALT_LENGTH = 16
# KiB, passes, lanes: what is made, and between which bounds a file's are taken (RFC 9106, section 4).
_MADE = {"memory": 256 * 1024, "iterations": 4, "lanes": 4}
_BOUNDS = {"memory": (256 * 1024, 1024 * 1024), "iterations": (3, 16), "lanes": (1, 8)}


def protect(passphrase: str) -> tuple[dict[str, int | str], LockedBytes]:
    """Return the parameters to keep and the key. Raises ValueError with a sentence for one that is none."""
    if any(unicodedata.category(each) == "Cs" for each in passphrase):
        raise ValueError("this passphrase is no text: the terminal sends other characters than UTF-8")
    if len(passphrase) < SHORTEST:
        raise ValueError(f"a passphrase has at least {SHORTEST} characters; several random words are best")
    parameters: dict[str, int | str] = {"salt": os.urandom(_SALT_LENGTH).hex(), **_MADE}
    return parameters, kek(parameters, passphrase)


def kek(parameters: Mapping[str, int | str], passphrase: str) -> LockedBytes:
    """Return the key that Argon2id (RFC 9106) gives for the passphrase in NFC.

    Takes 256 MiB and about half a second. Raises ProtectorUnusable for parameters out of bounds.
    """
    salt, costs = _checked(parameters)
    key = LockedBytes(_KEY_LENGTH)
    stretching = Argon2id(
        salt=salt,
        length=_KEY_LENGTH,
        iterations=costs["iterations"],
        lanes=costs["lanes"],
        memory_cost=costs["memory"],
    )
    # What is no text has a key too: another one, which opens nothing.
    text = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
    stretching.derive_into(text, key.view)
    return key


def _checked(parameters: Mapping[str, int | str]) -> tuple[bytes, dict[str, int]]:
    if parameters.keys() != {"salt", *_BOUNDS}:
        raise ProtectorUnusable("the passphrase's parameters in the vault file are not those of this version")
    costs: dict[str, int] = {}
    for name, (least, most) in _BOUNDS.items():
        found = parameters[name]
        if type(found) is not int or not least <= found <= most:
            raise ProtectorUnusable(
                f"the vault file asks for Argon2id with {name} outside {least} to {most}: it was changed"
            )
        costs[name] = found
    try:
        salt = bytes.fromhex(str(parameters["salt"]))
    except ValueError:
        salt = b""
    if len(salt) != _SALT_LENGTH:
        raise ProtectorUnusable("the passphrase's salt in the vault file is damaged")
    return salt, costs
