"""DPoP proofs of possession (RFC 9449), as PROTOCOL §3 narrows them: Ed25519 device keys only.

Reading a proof gives `Proof`, the evidence that its key was held; nonce freshness and replay are
the caller's, since they need a clock and a memory.
"""

import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NewType

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.protocol.encoding import lp
from devices.protocol.encoding import b64url, b64url_decode

MAX_PROOF_CHARACTERS = 4096
MAX_JTI_CHARACTERS = 128
IAT_WINDOW_SECONDS = 60
NONCE_SECONDS = 60
NONCE_SKEW_SECONDS = 5

JKT = NewType("JKT", str)


class ProofInvalid(ValueError):
    """A fault in the proof; the text says which and quotes nothing of it."""


@dataclass(frozen=True)
class Proof:
    """A proof whose signature, method, address and times hold."""

    key: bytes
    jkt: JKT
    jti: str
    nonce: str | None


def thumbprint(device_key: bytes) -> JKT:
    """The JWK SHA-256 thumbprint of an Ed25519 key (RFC 7638, RFC 8037 appendix A.3)."""
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{b64url(device_key)}"}}'
    return JKT(b64url(hashlib.sha256(canonical.encode()).digest()))


def access_token_hash(token: str) -> str:
    """`ath` (RFC 9449 §4.2)."""
    return b64url(hashlib.sha256(token.encode()).digest())


def _device_key(header: dict[str, Any]) -> bytes:
    if header.get("typ") != "dpop+jwt":
        raise ProofInvalid("typ is not dpop+jwt")
    if header.get("alg") != "EdDSA":
        raise ProofInvalid("alg is not EdDSA")
    if "crit" in header:
        raise ProofInvalid("crit names extensions that are not known here")
    jwk = header.get("jwk")
    if not isinstance(jwk, dict) or jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
        raise ProofInvalid("jwk is no Ed25519 key")
    if "d" in jwk:
        raise ProofInvalid("jwk holds a private key")
    x = jwk.get("x")
    if not isinstance(x, str):
        raise ProofInvalid("jwk has no x")
    try:
        key = b64url_decode(x)
    except ValueError as error:
        raise ProofInvalid("jwk.x is not base64url") from error
    if len(key) != 32:
        raise ProofInvalid("jwk.x is not 32 bytes")
    return key


def read_proof(
    proof: str,
    *,
    method: str,
    addresses: Collection[str],
    now: float,
    access_token: str | None = None,
) -> Proof:
    """The evidence in a DPoP header, for a request of `method` to one of `addresses`.

    `addresses` are full URLs without query or fragment; `now` is Unix seconds. With `access_token`
    the proof must carry its `ath`. Raises ProofInvalid.
    """
    if len(proof) > MAX_PROOF_CHARACTERS:
        raise ProofInvalid("too long")
    try:
        key = _device_key(jwt.get_unverified_header(proof))
        claims: dict[str, Any] = jwt.decode(
            proof,
            Ed25519PublicKey.from_public_bytes(key),
            algorithms=["EdDSA"],
            # The clock is ours alone: an `exp` or `nbf` of the client's making widens nothing.
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "verify_iss": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except (jwt.InvalidTokenError, ValueError, TypeError, RecursionError) as error:
        if isinstance(error, ProofInvalid):
            raise
        raise ProofInvalid("not a JWT signed by its jwk") from None
    if claims.get("htm") != method:
        raise ProofInvalid("htm is another method")
    htu = claims.get("htu")
    if not isinstance(htu, str) or re.split(r"[?#]", htu, maxsplit=1)[0] not in addresses:
        raise ProofInvalid("htu is another address")
    iat = claims.get("iat")
    if isinstance(iat, bool) or not isinstance(iat, int | float):
        raise ProofInvalid("iat is no number")
    # Compared, not subtracted: a number of any size can be, and one that is no number never holds.
    if not now - IAT_WINDOW_SECONDS <= iat <= now + IAT_WINDOW_SECONDS:
        raise ProofInvalid("iat is not within 60 seconds of the server's clock")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= MAX_JTI_CHARACTERS or not jti.isprintable():
        raise ProofInvalid("jti is missing, too long or not printable")
    if access_token is not None:
        ath = claims.get("ath")
        expected = access_token_hash(access_token)
        if not isinstance(ath, str) or not hmac.compare_digest(ath.encode(), expected.encode()):
            raise ProofInvalid("ath is another token's")
    nonce = claims.get("nonce")
    if nonce is not None and not isinstance(nonce, str):
        raise ProofInvalid("nonce is no text")
    return Proof(key=key, jkt=thumbprint(key), jti=jti, nonce=nonce)


def make_nonce(key: bytes, now: int) -> str:
    """A server nonce: four bytes of Unix time and sixteen of HMAC-SHA256 over it, base64url."""
    stamp = now.to_bytes(4, "big")
    return b64url(stamp + hmac.digest(key, lp("hvx-dpop-nonce/1", stamp), "sha256")[:16])


def nonce_is_fresh(nonce: str, key: bytes, now: float) -> bool:
    """Whether we made this nonce no more than 60 seconds ago (5 s of skew between workers)."""
    try:
        stamp = b64url_decode(nonce)[:4]
    except ValueError:
        return False
    made = int.from_bytes(stamp, "big")
    return hmac.compare_digest(make_nonce(key, made).encode(), nonce.encode()) and (
        -NONCE_SKEW_SECONDS <= now - made <= NONCE_SECONDS
    )
