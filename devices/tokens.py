"""Issuing and checking access tokens (RFC 9068, RFC 8037; PROTOCOL §3). None is stored."""

import hashlib
import secrets
import threading
import time
from typing import Any

import jwt
from cachetools import LRUCache
from django.conf import settings

from devices import token_keys
from devices.errors import InvalidToken
from devices.protocol import access_token
from devices.protocol.access_token import Claims
from devices.protocol.device_hash import DeviceHash
from devices.protocol.dpop import JKT
from devices.services import signing

MAX_TOKEN_CHARACTERS = 4096

_lock = threading.Lock()
# digest of a token whose signature held → (kid, claims). An Ed25519 check costs 130 µs.
_checked: LRUCache[bytes, tuple[str, Claims]] = LRUCache(maxsize=50_000)


def issue(
    *,
    account_id: str,
    username: str,
    email: str,
    device: DeviceHash,
    scope: str,
    jkt: JKT | None,
    seconds: int = access_token.LIFETIME_SECONDS,
) -> str:
    """A token for a device, bound to its key where `jkt` is given; ten minutes or `seconds`."""
    key = token_keys.signing_key()
    if key is None:
        signing.make_token_key()
        # Not left to the commit: the caller's own transaction may still be open.
        token_keys.forget()
        key = token_keys.signing_key()
    if key is None:
        raise RuntimeError("no token key could be made")
    claims = access_token.payload(
        origin=settings.HVX_ORIGIN,
        account_id=account_id,
        username=username,
        email=email,
        device=device,
        scope=scope,
        jkt=jkt,
        jti=secrets.token_urlsafe(16),
        now=int(time.time()),
        seconds=seconds,
    )
    return jwt.encode(
        claims,
        key.private,
        algorithm=access_token.ALGORITHM,
        headers={"typ": access_token.TYPE, "kid": key.kid},
    )


def check(token: str) -> Claims:
    """The claims of a token that we signed and that has not expired. Raises InvalidToken."""
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise InvalidToken
    digest = hashlib.sha256(token.encode()).digest()
    with _lock:
        checked = _checked.get(digest)
    if checked is None:
        checked = _check_signature(token)
        with _lock:
            _checked[digest] = checked
    kid, claims = checked
    # A key that was withdrawn takes its tokens with it, the ones checked earlier too.
    if claims.expires_at <= time.time() or token_keys.verifying_key(kid) is None:
        raise InvalidToken
    return claims


def _check_signature(token: str) -> tuple[str, Claims]:
    try:
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        # `typ` keeps a proof, or any other JWT, from passing for an access token.
        if header.get("typ") != access_token.TYPE or not isinstance(kid, str):
            raise InvalidToken
        key = token_keys.verifying_key(kid)
        if key is None:
            raise InvalidToken
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[access_token.ALGORITHM],
            audience=settings.HVX_ORIGIN,
            issuer=settings.HVX_ORIGIN,
            # We signed it, so `iat` is true; the clock of the worker that did may be a moment ahead.
            options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"], "verify_iat": False},
        )
        return kid, access_token.read(claims)
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, RecursionError):
        raise InvalidToken from None
