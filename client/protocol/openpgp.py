"""What the rules need of an OpenPGP implementation; `client.gnupg` provides it."""

from contextlib import AbstractContextManager
from typing import Protocol


class ExaminedKey(Protocol):
    """A private key that lies in a place of its own, thrown away after the examination."""

    @property
    def fingerprint(self) -> str:
        """The primary key's fingerprint, upper-case hex, computed from the key itself."""

    def verifies(self, text: bytes, signature: str, *, alone: bool = True) -> bool:
        """Whether `signature` is a detached v4 binary signature, SHA-256 or stronger, over
        `text` by this key's primary key; `alone`: and there is no other signature beside it."""

    def every_secret_key_works(self) -> bool:
        """Whether signing and decrypting round-trip with each secret key and subkey."""


class OpenPGP(Protocol):
    """The examination of keys that came from elsewhere."""

    def examine(self, private_key: str) -> AbstractContextManager[ExaminedKey]:
        """Take in one armored private key; `Refused(BAD_KEY)` when it is none, or several."""
