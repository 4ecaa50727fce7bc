"""The one form in which a secret is written down.

    version(1) ‖ key id(16) ‖ nonce(12) ‖ ciphertext ‖ tag(16)

AES-256-GCM-SIV (RFC 8452), so that even a nonce drawn twice tells no more than
that two equal values are equal. The associated data is LP(key id, *context),
where LP writes each part behind its length in four bytes, big-endian; a row's
context is its table, its column and its key.
"""

import os
from collections import deque
from collections.abc import Callable
from typing import NoReturn, SupportsIndex

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from audit.protocol.encoding import lp
from vault.errors import CannotOpen

VERSION = b"\x01"
KEY_LENGTH = 32
KEY_ID_LENGTH = 16
NONCE_LENGTH = 12
TAG_LENGTH = 16
OVERHEAD = len(VERSION) + KEY_ID_LENGTH + NONCE_LENGTH + TAG_LENGTH

_NONCE_START = len(VERSION) + KEY_ID_LENGTH
# Where an envelope names its key. The name proves nothing; `EnvelopeKey.open` does.
KEY_ID = slice(len(VERSION), _NONCE_START)
HEADER = slice(_NONCE_START)
NONCE = slice(_NONCE_START, _NONCE_START + NONCE_LENGTH)
CIPHERTEXT = slice(_NONCE_START + NONCE_LENGTH, None)


_NONCES_AT_ONCE = 64
_nonces: deque[bytes] = deque()
# Or a child would seal with the nonces that its parent is about to use.
os.register_at_fork(after_in_child=_nonces.clear)


def _nonce() -> bytes:
    """Return 12 random bytes that nobody else gets.

    Asking the system costs a fifth of a sealing, so it is asked for many at once. Taking one is a
    single step of the interpreter: no two threads take the same.
    """
    try:
        return _nonces.popleft()
    except IndexError:
        drawn = os.urandom(_NONCES_AT_ONCE * NONCE_LENGTH)
        _nonces.extend(drawn[at : at + NONCE_LENGTH] for at in range(NONCE_LENGTH, len(drawn), NONCE_LENGTH))
        return drawn[:NONCE_LENGTH]


class EnvelopeKey:
    """A 256-bit key that seals, with the 16-byte name it is found by. Shows nothing of itself."""

    __slots__ = ("_cipher", "_prefix", "header", "id")

    def __init__(self, key_id: bytes, material: bytes | memoryview) -> None:
        if len(key_id) != KEY_ID_LENGTH or len(material) != KEY_LENGTH:
            raise ValueError("an envelope key is 32 bytes with an id of 16 bytes")
        self.id = key_id
        self._cipher = AESGCMSIV(material)
        self.header = VERSION + key_id
        self._prefix = lp(key_id)

    def seal(self, context: bytes, plaintext: bytes | memoryview) -> bytes:
        """Return the envelope of `plaintext`, bound to `context` (made by `lp`).

        The nonce is drawn here and nowhere else, so no caller can repeat one.
        """
        nonce = _nonce()
        return self.header + nonce + self._cipher.encrypt(nonce, plaintext, self._prefix + context)

    def open(self, context: bytes, envelope: bytes) -> bytes:
        """Return what `seal` was given, or raise CannotOpen."""
        if envelope[HEADER] != self.header:
            raise CannotOpen("not an envelope of this version and key")
        decrypt, prefix = self.opening
        try:
            return decrypt(envelope[NONCE], envelope[CIPHERTEXT], prefix + context)
        except (InvalidTag, ValueError):
            # ValueError: too short for a nonce.
            raise CannotOpen("a sealed value was altered or moved") from None

    @property
    def opening(self) -> tuple[Callable[[bytes, bytes, bytes], bytes], bytes]:
        """What `open` is made of, for who opens a list: the cipher's `decrypt`, and what stands before
        each context. Whoever uses it has found this key by the envelope's whole header.
        """
        return self._cipher.decrypt, self._prefix

    def open_into(self, context: bytes, envelope: bytes, place: memoryview) -> None:
        """Put what `seal` was given into `place`, just as long, and nowhere else. Raises CannotOpen."""
        if not envelope.startswith(self.header) or len(envelope) != OVERHEAD + place.nbytes:
            raise CannotOpen("not an envelope of this version, key and length")
        try:
            self._cipher.decrypt_into(
                envelope[NONCE],
                envelope[CIPHERTEXT],
                self._prefix + context,
                place,
            )
        except InvalidTag:
            raise CannotOpen("a sealed value was altered or moved") from None

    def __repr__(self) -> str:
        return "<EnvelopeKey>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a key is not copied or pickled")
