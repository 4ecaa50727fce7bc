"""Each algorithm takes its own signatures, of its own kind of key, and no other."""

from typing import Any

import pytest

from activitypub.protocol.signatures.algorithms import Algorithm, algorithm_of, sign, verify
from activitypub.protocol.signatures.reasons import SignatureError
from tests.activitypub.protocol.signatures.people import ed25519_key, p256_key, rsa_key

SECRET = b"a secret that two share"
SIGNED = b"what is signed"


def pair(algorithm: Algorithm) -> tuple[Any, Any]:
    """A key to sign with and the one to verify with."""
    if algorithm is Algorithm.HMAC_SHA256:
        return SECRET, SECRET
    if algorithm is Algorithm.ECDSA_P256_SHA256:
        return p256_key(), p256_key().public_key()
    key = ed25519_key() if algorithm is Algorithm.ED25519 else rsa_key()
    return key, key.public_key()


every = pytest.mark.parametrize("algorithm", list(Algorithm))


@every
def test_a_signature_holds_for_what_was_signed_and_for_nothing_else(algorithm: Algorithm) -> None:
    private, public = pair(algorithm)
    signature = sign(algorithm, private, SIGNED)
    verify(algorithm, public, signature, SIGNED)
    changed = bytes([signature[0] ^ 1]) + signature[1:]
    for other, text in (
        (signature, SIGNED + b" "),
        (changed, SIGNED),
        (signature[:-1], SIGNED),
        (signature + b"\x00", SIGNED),
        (b"", SIGNED),
        (bytes(len(signature)), SIGNED),
    ):
        with pytest.raises(SignatureError, match="signature_invalid"):
            verify(algorithm, public, other, text)


@every
def test_a_signature_of_one_algorithm_is_none_of_another(algorithm: Algorithm) -> None:
    signature = sign(algorithm, pair(algorithm)[0], SIGNED)
    for other in set(Algorithm) - {algorithm}:
        with pytest.raises(SignatureError, match="signature_invalid"):
            verify(other, pair(other)[1], signature, SIGNED)


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        (Algorithm.RSA_V1_5_SHA256, Algorithm.ED25519),
        (Algorithm.RSA_PSS_SHA512, Algorithm.ECDSA_P256_SHA256),
        (Algorithm.ED25519, Algorithm.RSA_V1_5_SHA256),
        (Algorithm.ECDSA_P256_SHA256, Algorithm.HMAC_SHA256),
        (Algorithm.HMAC_SHA256, Algorithm.RSA_V1_5_SHA256),
    ],
)
def test_a_key_of_another_kind_neither_signs_nor_verifies(algorithm: Algorithm, kind: Algorithm) -> None:
    private, public = pair(kind)
    with pytest.raises(SignatureError, match="algorithm_mismatch"):
        sign(algorithm, private, SIGNED)
    with pytest.raises(SignatureError, match="algorithm_mismatch"):
        verify(algorithm, public, b"", SIGNED)


def test_a_key_says_its_algorithm_where_nobody_else_does() -> None:
    for algorithm in (Algorithm.RSA_V1_5_SHA256, Algorithm.ED25519, Algorithm.ECDSA_P256_SHA256):
        private, public = pair(algorithm)
        assert algorithm_of(private) is algorithm_of(public) is algorithm
