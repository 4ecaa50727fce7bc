"""Public and private keys, from the forms in which actors publish and the vault keeps them."""

from collections.abc import Callable

import base58
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_public_key,
)

from activitypub.protocol.signatures.reasons import Reason, SignatureError

PublicKey = RSAPublicKey | Ed25519PublicKey | EllipticCurvePublicKey
PrivateKey = RSAPrivateKey | Ed25519PrivateKey | EllipticCurvePrivateKey

MAX_KEY_CHARACTERS = 8192
MAX_RSA_BITS = 8192
# A verification raises to this power. All have 65537; one of 2000 bits would cost as much as signing.
MAX_RSA_EXPONENT = 2**32

# Multicodec prefixes, as varints (https://github.com/multiformats/multicodec).
_ED25519_PUB = b"\xed\x01"
_RSA_PUB = b"\x85\x24"


def public_key_from_pem(pem: str) -> PublicKey:
    """The key in a `publicKeyPem`: SPKI or PKCS#1.

    Raises SignatureError (too_large, key_malformed, key_unsupported). An RSA key may be smaller than an
    inbox takes: `policy.check` holds it to its size.
    """
    if len(pem) > MAX_KEY_CHARACTERS:
        raise SignatureError(Reason.TOO_LARGE)
    try:
        raw = pem.strip().encode("ascii")
    except UnicodeEncodeError:
        raise SignatureError(Reason.KEY_MALFORMED) from None
    return _loaded(load_pem_public_key, raw)


def public_key_from_der(der: bytes) -> PublicKey:
    """A key that is kept as DER SPKI. Raises SignatureError (key_malformed, key_unsupported)."""
    return _loaded(load_der_public_key, der)


def public_key_from_multikey(text: str) -> PublicKey:
    """The key in a `publicKeyMultibase`: Ed25519 or RSA in base58-btc (FEP-521a).

    Raises SignatureError (too_large, key_malformed, key_unsupported).
    """
    raw = multibase_decoded(text, Reason.KEY_MALFORMED)
    prefix, body = raw[:2], raw[2:]
    if prefix == _ED25519_PUB:
        return _loaded(Ed25519PublicKey.from_public_bytes, body)
    if prefix == _RSA_PUB and isinstance(key := _loaded(load_der_public_key, body), RSAPublicKey):
        return key
    raise SignatureError(Reason.KEY_UNSUPPORTED)


def public_key_pem(key: PublicKey) -> str:
    """A key as `publicKeyPem`: SPKI."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def multikey(key: Ed25519PublicKey | RSAPublicKey) -> str:
    """A key as `publicKeyMultibase`."""
    if isinstance(key, RSAPublicKey):
        return multibase(_RSA_PUB + key.public_bytes(Encoding.DER, PublicFormat.PKCS1))
    return multibase(_ED25519_PUB + key.public_bytes_raw())


def private_key_from_vault(der: bytes) -> RSAPrivateKey | Ed25519PrivateKey:
    """An actor's private key from PKCS#8 DER that the vault has just opened. Raises ValueError.

    Its numbers are not checked, which takes 35 ms: the vault's tag says that they are those of the key
    that was made. Never give it a key that came from anywhere else.
    """
    key = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise ValueError("neither an RSA nor an Ed25519 key")
    return key


def multibase(raw: bytes) -> str:
    """Bytes in base58-btc, with multibase's `z`."""
    return f"z{base58.b58encode(raw).decode('ascii')}"


def multibase_decoded(text: str, reason: Reason) -> bytes:
    """The bytes of a `z` multibase text. Raises SignatureError with `reason`, or too_large."""
    if len(text) > MAX_KEY_CHARACTERS // 4:
        raise SignatureError(Reason.TOO_LARGE)
    # The library passes over white space at the end.
    if not text.startswith("z") or not text.isalnum():
        raise SignatureError(reason)
    try:
        return base58.b58decode(text[1:])
    except ValueError:
        raise SignatureError(reason) from None


def _loaded(load: Callable[[bytes], object], raw: bytes) -> PublicKey:
    try:
        key = load(raw)
    except UnsupportedAlgorithm:
        raise SignatureError(Reason.KEY_UNSUPPORTED) from None
    except ValueError:
        raise SignatureError(Reason.KEY_MALFORMED) from None
    if isinstance(key, RSAPublicKey):
        if key.key_size > MAX_RSA_BITS or key.public_numbers().e > MAX_RSA_EXPONENT:
            raise SignatureError(Reason.KEY_UNSUPPORTED)
        return key
    if isinstance(key, Ed25519PublicKey):
        return key
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    raise SignatureError(Reason.KEY_UNSUPPORTED)
