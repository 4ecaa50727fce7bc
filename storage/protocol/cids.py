"""Content identifiers: which block, by the SHA-256 of its bytes (github.com/multiformats/cid).

Of all that a CID may say, files need two codecs and one hash: raw bytes and dag-pb, SHA-256. All else is
refused. So are CIDs that hold their content themselves (the identity hash): those are no block that can be
unpinned, and what they hold would be in the open.
"""

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

import base58

from storage.protocol import varints

RAW: Final = 0x55
DAG_PB: Final = 0x70
CODECS: Final = frozenset({RAW, DAG_PB})
DIGEST_BYTES: Final = 32
# Longer ones than any of ours, with room: what is longer is not looked at.
MAX_CHARACTERS: Final = 128

_SHA2_256: Final = bytes([0x12, DIGEST_BYTES])
_V1: Final = 1
_V0_CHARACTERS: Final = 46
_V1_BYTES: Final = 2 + len(_SHA2_256) + DIGEST_BYTES


class BadCid(ValueError):
    """What was given is no CID, or none of those that files have."""


@dataclass(frozen=True, slots=True, order=True)
class Cid:
    """A CID by SHA-256. `version` is 1, or 0, which only a dag-pb block can have.

    The two versions name the same block and are not equal: compare `as_v1()` where that matters.
    """

    codec: int
    digest: bytes
    version: int = _V1

    def __post_init__(self) -> None:
        if self.codec not in CODECS:
            raise BadCid("the content is neither raw nor dag-pb")
        if len(self.digest) != DIGEST_BYTES:
            raise BadCid("a SHA-256 has 32 bytes")
        if self.version not in (0, _V1) or (self.version == 0 and self.codec != DAG_PB):
            raise BadCid("there is no such version of a CID")

    @classmethod
    def of(cls, codec: int, data: bytes) -> Self:
        """Return the CID of a block's bytes, in version 1."""
        return cls(codec, sha256(data).digest())

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read a CID: version 0, or version 1 in base32 (lower case) or base58btc. Raises BadCid."""
        if len(text) > MAX_CHARACTERS or not text.isascii():
            raise BadCid("this is no CID")
        if text.startswith("Qm") and len(text) == _V0_CHARACTERS:
            return cls.from_bytes(_base58(text))
        if text.startswith("b"):
            cid = cls.from_bytes(_base32(text[1:]))
        elif text.startswith("z"):
            cid = cls.from_bytes(_base58(text[1:]))
        else:
            raise BadCid("a CID is written in base32 or base58btc")
        if cid.version == 0:
            raise BadCid("a CID of version 0 has no sign of its base")
        return cid

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a binary CID, and nothing after it. Raises BadCid."""
        cid, end = cls.first_of(data)
        if end != len(data):
            raise BadCid("something follows the CID")
        return cid

    @classmethod
    def first_of(cls, data: bytes) -> tuple[Self, int]:
        """Return the binary CID that `data` begins with, and its length. Raises BadCid."""
        if data.startswith(_SHA2_256):
            end = len(_SHA2_256) + DIGEST_BYTES
            return cls(DAG_PB, data[len(_SHA2_256) : end], 0), end
        try:
            version, start = varints.decode(data)
            codec, start = varints.decode(data, start)
        except varints.BadVarint as error:
            raise BadCid(f"this is no CID: {error}") from None
        if version != _V1:
            raise BadCid("there is no such version of a CID")
        if not data.startswith(_SHA2_256, start):
            raise BadCid("the hash is not SHA-256")
        start += len(_SHA2_256)
        return cls(codec, data[start : start + DIGEST_BYTES]), start + DIGEST_BYTES

    def as_v1(self) -> Self:
        """Return the CID of version 1 for the same block."""
        return self if self.version == _V1 else type(self)(self.codec, self.digest)

    def names(self, data: bytes) -> bool:
        """Whether these are the bytes of the block."""
        return sha256(data).digest() == self.digest

    def __bytes__(self) -> bytes:
        multihash = _SHA2_256 + self.digest
        return multihash if self.version == 0 else bytes([_V1, self.codec]) + multihash

    def __str__(self) -> str:
        """The one form in which this server writes it: base32 of version 1, base58btc of version 0."""
        if self.version == 0:
            return base58.b58encode(bytes(self)).decode()
        return "b" + base64.b32encode(bytes(self)).decode().rstrip("=").lower()


@dataclass(frozen=True, slots=True)
class Block:
    """Bytes with the CID that names them; whoever makes one has checked that, or has just computed it."""

    cid: Cid
    data: bytes


def _base32(text: str) -> bytes:
    if text != text.lower():
        raise BadCid("base32 in a CID is of lower case")
    try:
        data = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except binascii.Error:
        raise BadCid("this is no base32") from None
    # Bits that no byte uses could be anything, and the same CID would have many names.
    if base64.b32encode(data).decode().rstrip("=").lower() != text:
        raise BadCid("this is no base32")
    return data


def _base58(text: str) -> bytes:
    try:
        data = base58.b58decode(text)
    except ValueError:
        raise BadCid("this is no base58btc") from None
    # The library passes over spaces at the end.
    if base58.b58encode(data).decode() != text:
        raise BadCid("this is no base58btc")
    return data
