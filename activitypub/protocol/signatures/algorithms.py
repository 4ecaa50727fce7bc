"""Signature algorithms by their names in RFC 9421 §3.3. The primitives are those of `cryptography`."""

import hmac
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512

from activitypub.protocol.signatures.keys import PrivateKey, PublicKey
from activitypub.protocol.signatures.reasons import Reason, SignatureError

_PKCS1 = PKCS1v15()
_PSS = PSS(MGF1(SHA512()), salt_length=64)
_SHA256 = SHA256()
_SHA512 = SHA512()
_ECDSA = ECDSA(_SHA256)
_P256_BYTES = 32


class Algorithm(StrEnum):
    """How a signature is made."""

    RSA_V1_5_SHA256 = "rsa-v1_5-sha256"
    RSA_PSS_SHA512 = "rsa-pss-sha512"
    ECDSA_P256_SHA256 = "ecdsa-p256-sha256"
    ED25519 = "ed25519"
    HMAC_SHA256 = "hmac-sha256"


def algorithm_of(key: PublicKey | PrivateKey) -> Algorithm:
    """What a key signs with where nobody says: for RSA what all of the fediverse means by it."""
    if isinstance(key, RSAPublicKey | RSAPrivateKey):
        return Algorithm.RSA_V1_5_SHA256
    if isinstance(key, Ed25519PublicKey | Ed25519PrivateKey):
        return Algorithm.ED25519
    return Algorithm.ECDSA_P256_SHA256


def verify(algorithm: Algorithm, key: PublicKey | bytes, signature: bytes, signed: bytes) -> None:
    """Returns where the signature holds. `key` is bytes for HMAC alone; ECDSA is raw r and s.

    Raises SignatureError (signature_invalid, or algorithm_mismatch where the key is of another kind).
    """
    try:
        if algorithm is Algorithm.RSA_V1_5_SHA256 and isinstance(key, RSAPublicKey):
            key.verify(signature, signed, _PKCS1, _SHA256)
        elif algorithm is Algorithm.RSA_PSS_SHA512 and isinstance(key, RSAPublicKey):
            key.verify(signature, signed, _PSS, _SHA512)
        elif algorithm is Algorithm.ED25519 and isinstance(key, Ed25519PublicKey):
            key.verify(signature, signed)
        elif algorithm is Algorithm.ECDSA_P256_SHA256 and isinstance(key, EllipticCurvePublicKey):
            key.verify(_dss(signature), signed, _ECDSA)
        elif algorithm is Algorithm.HMAC_SHA256 and isinstance(key, bytes):
            if not hmac.compare_digest(hmac.digest(key, signed, "sha256"), signature):
                raise InvalidSignature
        else:
            raise SignatureError(Reason.ALGORITHM_MISMATCH)
    except InvalidSignature:
        raise SignatureError(Reason.SIGNATURE_INVALID) from None


def sign(algorithm: Algorithm, key: PrivateKey | bytes, base: bytes) -> bytes:
    """The signature over `base`. Raises SignatureError (algorithm_mismatch)."""
    if algorithm is Algorithm.RSA_V1_5_SHA256 and isinstance(key, RSAPrivateKey):
        return key.sign(base, _PKCS1, _SHA256)
    if algorithm is Algorithm.RSA_PSS_SHA512 and isinstance(key, RSAPrivateKey):
        return key.sign(base, _PSS, _SHA512)
    if algorithm is Algorithm.ED25519 and isinstance(key, Ed25519PrivateKey):
        return key.sign(base)
    if algorithm is Algorithm.ECDSA_P256_SHA256 and isinstance(key, EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(base, _ECDSA))
        return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")
    if algorithm is Algorithm.HMAC_SHA256 and isinstance(key, bytes):
        return hmac.digest(key, base, "sha256")
    raise SignatureError(Reason.ALGORITHM_MISMATCH)


def _dss(signature: bytes) -> bytes:
    if len(signature) != 2 * _P256_BYTES:
        raise SignatureError(Reason.SIGNATURE_INVALID)
    return encode_dss_signature(
        int.from_bytes(signature[:_P256_BYTES], "big"), int.from_bytes(signature[_P256_BYTES:], "big")
    )
