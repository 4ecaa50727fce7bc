"""A key file: 32 random bytes that their owner alone can read. What opens an embedded server by itself."""

from pathlib import Path

from vault import ownfile
from vault.errors import RootKeyMissing
from vault.memory import LockedBytes
from vault.whole import remove_drafts, sync_folder

KIND = "keyfile"
KEY_LENGTH = 32
_NAME = "root key"


def advice(path: Path) -> str:
    """Return what whoever has just got a key file must know."""
    return f"It opens by {path}: keep a copy of that in another place, no back-up has it."


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


def draft_next(path: Path) -> LockedBytes:
    """Write another key beside the file, to take its place by `promote`; return it."""
    drop_next(path)
    key = LockedBytes.random(KEY_LENGTH)
    ownfile.create(_next(path), key.view)
    return key


def promote(path: Path) -> None:
    """Put the key that stands beside the file in its place; where there is none, it is there already."""
    try:
        _next(path).replace(path)
    except FileNotFoundError:
        return
    sync_folder(path.parent)


def remove_all_drafts(path: Path) -> None:
    """Remove what killed writers of the file, and of the one beside it, left. Only while nobody writes."""
    remove_drafts(path)
    remove_drafts(_next(path))


def drop_next(path: Path) -> None:
    """Remove the key that stands beside the file."""
    _next(path).unlink(missing_ok=True)


def _next(path: Path) -> Path:
    return path.with_name(f"{path.name}.next")
