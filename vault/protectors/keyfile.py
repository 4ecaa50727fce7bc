"""A key file: 32 random bytes that their owner alone can read. What opens an embedded server by itself."""

from pathlib import Path

from vault import ownfile
from vault.errors import RootKeyMissing
from vault.memory import LockedBytes

KIND = "keyfile"
KEY_LENGTH = 32
_NAME = "root key"


def load(path: Path) -> LockedBytes:
    """Return the file's key. Raises RootKeyMissing, RootKeyUnsafe."""
    key = LockedBytes(KEY_LENGTH)
    ownfile.read_into(path, _NAME, key.view)
    return key


def load_or_create(path: Path) -> LockedBytes:
    """Return the file's key; where there is no file, make one that lasts and return its key."""
    try:
        return load(path)
    except RootKeyMissing:
        ownfile.create(path, LockedBytes.random(KEY_LENGTH).view)
        return load(path)
