"""Who a request comes from. A view is reached only with the evidence that its class asks for.

`TokenAuthentication`: a token (with a proof where the token is bound).
`ProvenTokenAuthentication`: a token and a proof of its device's key.
`ProofAuthentication`: a proof alone; `Authorization` is ignored.
"""

import time
from collections.abc import Collection
from typing import NoReturn, cast

from django.conf import settings
from django.utils.encoding import escape_uri_path
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from devices import nonces, state, tokens
from devices.errors import (
    DeviceRevoked,
    InvalidDPoPProof,
    InvalidToken,
    NotAuthenticated,
    UseDPoPNonce,
)
from devices.principal import Principal, out_of_reach
from devices.protocol import dpop
from devices.protocol.dpop import Proof

CHALLENGES = {"WWW-Authenticate": 'DPoP algs="EdDSA", Bearer'}


def check_proof(
    text: str | None, *, method: str, addresses: Collection[str], access_token: str | None
) -> Proof:
    """A proof that holds, is fresh, and was never used. Raises InvalidDPoPProof or UseDPoPNonce."""
    if not text:
        _refuse_proof("a DPoP header is needed")
    try:
        proof = dpop.read_proof(
            text,
            method=method,
            addresses=addresses,
            now=time.time(),
            access_token=access_token,
        )
    except dpop.ProofInvalid as error:
        _refuse_proof(str(error))
    if not nonces.is_fresh(proof.nonce):
        raise UseDPoPNonce(
            headers={
                "WWW-Authenticate": 'DPoP error="use_dpop_nonce"',
                "DPoP-Nonce": nonces.current(),
            }
        )
    # Last, so that only a proof that would have been let in is remembered.
    if not nonces.first_use(proof):
        _refuse_proof("this proof was used before")
    return proof


def _refuse_proof(detail: str) -> NoReturn:
    raise InvalidDPoPProof(detail, headers={"WWW-Authenticate": 'DPoP error="invalid_dpop_proof"'})


def _refuse_token() -> NoReturn:
    raise InvalidToken(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def with_scheme(token: str) -> str:
    """The Authorization value for a token that came without one; its scheme follows the token."""
    return f"{'DPoP' if tokens.check(token).jkt is not None else 'Bearer'} {token}"


def check_token(
    authorization: str | None,
    proof_text: str | None,
    *,
    method: str,
    addresses: Collection[str],
    proof_required: bool,
) -> Principal:
    """The principal of a token, with its proof where one is required or the token is bound.

    Raises NotAuthenticated, InvalidToken, DeviceRevoked, AppToken, InsufficientScope,
    InvalidDPoPProof or UseDPoPNonce.
    """
    scheme, _, token = (authorization or "").partition(" ")
    scheme, token = scheme.lower(), token.strip()
    if scheme not in ("bearer", "dpop") or not token:
        raise NotAuthenticated(headers=CHALLENGES)
    try:
        claims = tokens.check(token)
    except InvalidToken:
        _refuse_token()
    standing = state.standing(claims.device)
    if standing.state == "unknown":
        _refuse_token()
    if standing.state == "ended":
        raise DeviceRevoked
    # RFC 9449 §7.1: a bound token is no bearer token, and a bearer token is not bound.
    if (scheme == "dpop") != (claims.jkt is not None):
        _refuse_token()
    key = None
    if proof_required and standing.kind != "device":
        # An app or access key has no device key to prove; what needs a proof is none of its calls.
        raise out_of_reach(standing.kind)
    if proof_required or claims.jkt is not None:
        proof = check_proof(
            proof_text,
            method=method,
            addresses=addresses,
            access_token=token if claims.jkt is not None else None,
        )
        if proof.key != standing.key or (claims.jkt is not None and claims.jkt != proof.jkt):
            _refuse_proof("jwk is not the token's device key")
        key = proof.key
    # A device that me/key has made pending is pending, whatever its token was issued for.
    scope = "pending" if standing.state == "pending" else claims.scope
    return Principal(
        account_id=claims.account_id,
        username=claims.username,
        device=claims.device,
        scope=scope,
        device_key=key,
        expires_at=claims.expires_at,
        kind=standing.kind,
    )


def _address(request: Request) -> tuple[str]:
    return (settings.HVX_ORIGIN + escape_uri_path(request.path),)


class TokenAuthentication(BaseAuthentication):
    """request.user becomes the Principal."""

    proof_required = False

    def authenticate(self, request: Request) -> tuple[Principal, None]:
        principal = check_token(
            request.headers.get("Authorization"),
            request.headers.get("DPoP"),
            method=cast(str, request.method),
            addresses=_address(request),
            proof_required=self.proof_required,
        )
        return principal, None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGES["WWW-Authenticate"]


class ProvenTokenAuthentication(TokenAuthentication):
    """As above, and `principal.device_key` is proven."""

    proof_required = True


class ProofAuthentication(BaseAuthentication):
    """request.auth becomes the Proof; nobody is logged in by it."""

    def authenticate(self, request: Request) -> tuple[None, Proof]:
        proof = check_proof(
            request.headers.get("DPoP"),
            method=cast(str, request.method),
            addresses=_address(request),
            access_token=None,
        )
        return None, proof

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGES["WWW-Authenticate"]
