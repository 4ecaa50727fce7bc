"""New keys for actors. An RSA key takes some 40 ms of a processor, so none is made inside a transaction."""

from dataclasses import dataclass, field
from typing import assert_never

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from activitypub.models import KeyKind

# What every server verifies; longer ones are refused by some.
RSA_BITS = 2048


@dataclass(frozen=True)
class KeyPair:
    """A key that was just made: DER SubjectPublicKeyInfo and DER PKCS#8."""

    kind: KeyKind
    public: bytes
    private: bytes = field(repr=False)


def make_pair(kind: KeyKind) -> KeyPair:
    """Return a new key of a kind."""
    key: rsa.RSAPrivateKey | Ed25519PrivateKey
    match kind:
        case KeyKind.RSA:
            key = _rsa_key()
        case KeyKind.ED25519:
            key = Ed25519PrivateKey.generate()
        case _:
            assert_never(kind)
    return KeyPair(
        kind=kind,
        public=key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        private=key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    )


def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)


def make_pairs() -> tuple[KeyPair, ...]:
    """Return what an actor begins with: one key of each kind."""
    return tuple(make_pair(kind) for kind in KeyKind)
