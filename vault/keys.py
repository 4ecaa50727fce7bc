"""Keys derived from the root key, for what is no row: MACs, caches, the channel layer."""

from pathlib import Path

from django.conf import settings

from vault import rootkey
from vault.rootkey import RootKey

_held: tuple[Path, RootKey] | None = None


def root_key_path() -> Path:
    """Return where the root key's file is, or is to be."""
    return Path(settings.HVX_ROOT_KEY_FILE)


def root() -> RootKey:
    """Return this process's root key, read from its file at the first call.

    Never makes one: `vault.services.ensure_ring` alone may, for it has seen that the
    database holds nothing under another. Raises RootKeyMissing, RootKeyUnsafe.
    """
    global _held
    path = root_key_path()
    if _held is None or _held[0] != path:
        _held = (path, rootkey.load(path))
    return _held[1]


def forget() -> None:
    """Let go of the root key; the next use reads the file anew."""
    global _held
    _held = None


def derive(purpose: str, length: int = 32) -> bytes:
    """Return `length` (at most 8160) bytes that only this root key gives for this purpose.

    HKDF-SHA256 (RFC 5869). They change with the root key, so use them for what may then
    be forgotten; what must outlive it belongs in a SealedField.
    """
    return root().derive("derive", purpose, length)
