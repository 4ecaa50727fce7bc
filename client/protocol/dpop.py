"""Proofs that this request comes from the device: DPoP (RFC 9449) by the Ed25519 device key."""

import hashlib
from urllib.parse import urlsplit, urlunsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from client.protocol.encoding import b64url


def proof(
    device_key: Ed25519PrivateKey,
    *,
    method: str,
    url: str,
    now: int,
    jti: str,
    nonce: str | None = None,
    token: str | None = None,
) -> str:
    """The `DPoP` header for one request. `now` is Unix seconds, `jti` fresh for every proof;
    `token` adds the `ath` of a token that is bound to the device key (RFC 9449 §4.2)."""
    scheme, host, path, _, _ = urlsplit(url)
    claims: dict[str, str | int] = {
        "htm": method,
        "htu": urlunsplit((scheme, host, path, "", "")),
        "iat": now,
        "jti": jti,
    }
    if nonce is not None:
        claims["nonce"] = nonce
    if token is not None:
        claims["ath"] = b64url(hashlib.sha256(token.encode()).digest())
    public = device_key.public_key().public_bytes_raw()
    header = {"typ": "dpop+jwt", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": b64url(public)}}
    return jwt.encode(claims, device_key, algorithm="EdDSA", headers=header)
