"""The cryptography of the handoff, suite `x25519` (PROTOCOL §4): commitment, transcript, codes, seals."""

import hashlib
from dataclasses import dataclass, field, fields
from typing import Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from client.protocol.encoding import lp

SUITE = "x25519"
ZERO_POINT = bytes(32)
_ONE_USE_NONCE = bytes(12)


def suites_text(suites: tuple[str, ...]) -> str:
    """The suites as they are hashed: joined by commas, in the order in which they were offered."""
    return ",".join(suites)


def commitment(
    exchange: str, suites: tuple[str, ...], device: str, device_key: bytes, ephemeral_key: bytes, nonce: bytes
) -> bytes:
    """What the new device binds itself to before it knows the other's key and nonce; 32 bytes."""
    return hashlib.sha256(
        lp(
            "hvx-kx/1 commit",
            exchange,
            suites_text(suites),
            device,
            device_key,
            ephemeral_key,
            nonce,
        )
    ).digest()


def shared_secret(own: X25519PrivateKey, other: bytes) -> bytes:
    """Z = X25519(own, other), 32 bytes; `ZERO_POINT` for a point of low order.

    The library refuses such points by an exception; here they become the value that RFC 7748
    §6.1 tells to look for, and the one check for it stands with the other checks of a side.
    """
    try:
        return own.exchange(X25519PublicKey.from_public_bytes(other))
    except ValueError:
        return ZERO_POINT


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything that both sides must agree on. Keys, nonces and the commitment are raw, 32 bytes.

    The order of the fields is the order in which they are hashed.
    """

    origin: str
    account: str
    exchange: str
    suites: str
    suite: str
    method: str
    new_device: str
    new_device_key: bytes
    commitment: bytes
    existing_device: str
    existing_device_key: bytes
    existing_ephemeral_key: bytes
    existing_nonce: bytes
    new_ephemeral_key: bytes
    new_nonce: bytes

    def digest(self) -> bytes:
        """T, 32 bytes."""
        parts: list[bytes | str] = [getattr(self, part.name) for part in fields(self)]
        return hashlib.sha256(lp("hvx-kx/1 transcript", *parts)).digest()


@dataclass(frozen=True, slots=True)
class Schedule:
    """What follows from a transcript and the shared secret: the codes and the keys of the seals."""

    transcript: bytes
    prk: bytes = field(repr=False)

    @classmethod
    def derive(cls, transcript: bytes, shared: bytes, qr_secret: bytes = b"") -> Self:
        """PRK = HKDF-Extract(salt = T, Z); by QR the salt is T ‖ secret (16 bytes)."""
        return cls(transcript, HKDF.extract(SHA256(), transcript + qr_secret, shared))

    def code(self) -> str:
        """Six digits: the new device shows them, the existing one is told them."""
        return self._digits("hvx-kx/1 code", 6)

    def return_code(self) -> str:
        """Four digits: the existing device shows them, the new one is told them."""
        return self._digits("hvx-kx/1 return", 4)

    def key(self, kind: str) -> bytes:
        """K_type for `prove`, `deliver` or `ack`."""
        return self._expand(f"hvx-kx/1 {kind}", 32)

    def seal(self, kind: str, plaintext: bytes) -> bytes:
        """ciphertext ‖ tag. A side seals one plaintext a kind and sends that again byte for byte."""
        # Safe with a constant nonce because each key is of one exchange and kind, and seals once.
        return AESGCM(self.key(kind)).encrypt(_ONE_USE_NONCE, plaintext, self._aad(kind))

    def open(self, kind: str, sealed: bytes) -> bytes:
        """The plaintext; `cryptography.exceptions.InvalidTag` when anything was changed."""
        return AESGCM(self.key(kind)).decrypt(_ONE_USE_NONCE, sealed, self._aad(kind))

    def statement(self, kind: str) -> bytes:
        """What a device key signs inside `prove` and `deliver`: LP("hvx-kx/1 <kind>", T)."""
        return lp(f"hvx-kx/1 {kind}", self.transcript)

    def _aad(self, kind: str) -> bytes:
        return lp(self.transcript, kind)

    def _digits(self, info: str, count: int) -> str:
        number = int.from_bytes(self._expand(info, 8), "big")
        return f"{number % 10**count:0{count}d}"

    def _expand(self, info: str, length: int) -> bytes:
        return HKDFExpand(SHA256(), length, info.encode()).derive(self.prk)
