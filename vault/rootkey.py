"""The root key: 32 random bytes from which every other key of the vault hangs.

It is in memory only. At rest it stands wrapped in the vault's file (`vault.vaultfile`).
"""

import os
from typing import NoReturn, Self, SupportsIndex

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from audit.protocol.encoding import lp
from vault.envelope import KEY_ID_LENGTH, KEY_LENGTH, EnvelopeKey
from vault.errors import RootKeyMissing
from vault.memory import LockedBytes

ROOT_KEY_LENGTH = 32
_LABEL = "hvx-vault/1"


class RootKey:
    """The root key in memory. It leaves only as keys derived from it. Shows nothing of itself."""

    __slots__ = ("_envelope_keys", "_material", "id")

    def __init__(self, material: bytes | LockedBytes) -> None:
        """Take over `material`; bytes are copied and stay the caller's to forget."""
        held = LockedBytes.of(material) if isinstance(material, bytes) else material
        if len(held) != ROOT_KEY_LENGTH:
            raise ValueError("a root key is 32 bytes")
        self._material = held
        self._envelope_keys: dict[tuple[str, str], EnvelopeKey] = {}
        self.id = self.derive("id", "", KEY_ID_LENGTH)

    @classmethod
    def new(cls) -> Self:
        """Return a root key that never was before."""
        return cls(LockedBytes.random(ROOT_KEY_LENGTH))

    def derive(self, kind: str, purpose: str, length: int = KEY_LENGTH) -> bytes:
        """Return `length` bytes of HKDF-SHA256 (RFC 5869; no salt, the key being uniform).

        info = LP("hvx-vault/1", kind, purpose): what one kind derives, no other can.
        Raises Sealed after `wipe`.
        """
        return _hkdf(kind, purpose, length).derive(self._material.view)

    def envelope_key(self, kind: str, purpose: str) -> EnvelopeKey:
        """Return the key that seals for one kind and purpose, named by the root key's id."""
        key = self._envelope_keys.get((kind, purpose))
        if key is None:
            key = self._envelope_keys[kind, purpose] = envelope_key(self.id, self._material, kind, purpose)
        return key

    def wrapped(self, key: EnvelopeKey, context: bytes) -> bytes:
        """Return the envelope of the root key itself under another key."""
        return key.seal(context, self._material.view)

    @classmethod
    def unwrapped(cls, key: EnvelopeKey, context: bytes, envelope: bytes) -> Self:
        """Return the root key that `wrapped` has sealed. Raises CannotOpen."""
        material = LockedBytes(ROOT_KEY_LENGTH)
        key.open_into(context, envelope, material.view)
        return cls(material)

    def wipe(self) -> None:
        """Overwrite the key; every later use raises Sealed."""
        self._envelope_keys.clear()
        self._material.wipe()

    def __repr__(self) -> str:
        return "<RootKey>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a key is not copied or pickled")


def envelope_key(key_id: bytes, material: LockedBytes, kind: str, purpose: str) -> EnvelopeKey:
    """Return an envelope key derived from `material`, as `RootKey.derive` derives."""
    derived = LockedBytes(KEY_LENGTH)
    try:
        _hkdf(kind, purpose, KEY_LENGTH).derive_into(material.view, derived.view)
        return EnvelopeKey(key_id, derived.view)
    finally:
        derived.wipe()


def _hkdf(kind: str, purpose: str, length: int) -> HKDF:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=lp(_LABEL, kind, purpose))


def write_to(descriptor: int, root: RootKey) -> None:
    """Hand the root key to a child process by a pipe; the descriptor stays open."""
    written = os.write(descriptor, root._material.view)
    if written != ROOT_KEY_LENGTH:
        raise OSError("the root key could not be handed over whole")


def read_from(descriptor: int) -> RootKey:
    """Take the root key from the pipe that `write_to` writes into; the descriptor stays open.

    Raises RootKeyMissing where the pipe ends before the key does.
    """
    material = LockedBytes(ROOT_KEY_LENGTH)
    place, have = material.view, 0
    while have < ROOT_KEY_LENGTH:
        got = os.readv(descriptor, [place[have:]])
        if got == 0:
            raise RootKeyMissing("the process that holds the root key did not hand it over")
        have += got
    return RootKey(material)
