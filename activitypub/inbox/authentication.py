"""Who sent a request: the one who holds the key that its owner's document names.

`Authenticated` is the evidence, made here and nowhere else. What writes or shows by who asks takes nothing
less.
"""

import time
from dataclasses import InitVar, dataclass

from asgiref.typing import HTTPScope
from django.conf import settings

from activitypub.errors import HostSuspended, KeyUnavailable, SignatureRefused
from activitypub.fetching.errors import DownForNow, NotFetched
from activitypub.fetching.errors import Reason as FetchReason
from activitypub.protocol.signatures.messages import SignedRequest, decoded
from activitypub.protocol.signatures.policy import Claim, Rejected, Verified, check, read_claim
from activitypub.protocol.signatures.reasons import Reason
from activitypub.remote import keys
from activitypub.remote.keys import RemoteKey
from audit.errors import Problem

# What another key under the same name may mend: its owner has made a new one.
_MENDED_BY_ROTATION = frozenset({Reason.SIGNATURE_INVALID, Reason.ALGORITHM_MISMATCH, Reason.KEY_TOO_SMALL})

_SEAL = object()


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Evidence that an actor sent a request: by `verified`, and by whose key that is."""

    actor_uri: str
    verified: Verified
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("evidence is made by checking, and in no other way")

    @property
    def body(self) -> bytes:
        """What was signed."""
        return self.verified.request.body


class KeyNotFound(SignatureRefused):
    """The key's owner cannot be had: gone, never there, or refused. `key_id` is what the request names."""

    def __init__(self, reason: str, key_id: str) -> None:
        super().__init__(reason)
        self.key_id = key_id


def signed_request(scope: HTTPScope, body: bytes = b"") -> SignedRequest:
    """A request as its signature covers it: server and scheme are ours, whatever it says of them."""
    target = scope["raw_path"] or scope["path"].encode()
    if scope["query_string"]:
        target += b"?" + scope["query_string"]
    return SignedRequest(
        method=scope["method"],
        target=target.decode("latin-1"),
        authority=settings.HVX_HOST,
        headers=decoded(scope["headers"]),
        body=body,
        scheme=settings.HVX_ORIGIN.partition(":")[0],
    )


def claim_of(request: SignedRequest) -> Claim:
    """Who claims to have sent it. Raises SignatureRefused."""
    claim = read_claim(request, time.time())
    if isinstance(claim, Rejected):
        raise SignatureRefused(claim.reason)
    return claim


async def authenticate(claim: Claim) -> Authenticated:
    """Who sent it: with the key as it is known, and if that does not hold, as its owner publishes it now.

    Raises SignatureRefused (KeyNotFound among it), KeyUnavailable while the key's host is down,
    HostSuspended.
    """
    try:
        verdict = _checked(claim, await keys.key_for(claim.key_id))
        if isinstance(verdict, Rejected) and verdict.reason in _MENDED_BY_ROTATION:
            verdict = _checked(claim, await keys.key_for(claim.key_id, fresh=True))
    except NotFetched as error:
        raise _without_key(error, claim) from None
    return _accepted(verdict)


def authenticate_known(claim: Claim) -> Authenticated:
    """As `authenticate`, by a key that this server has already: for threads, which wait for no other server.

    Who asks in a loop before it, as `hvx` does for each signed GET, has fetched the key there.
    """
    try:
        key = keys.known_key(claim.key_id)
    except NotFetched as error:
        raise _without_key(error, claim) from None
    if key is None:
        raise KeyNotFound("key_unknown", claim.key_id)
    return _accepted(_checked(claim, key))


def _checked(claim: Claim, key: RemoteKey) -> Authenticated | Rejected:
    verdict = check(claim, key.key, time.time())
    return verdict if isinstance(verdict, Rejected) else Authenticated(key.actor_uri, verdict, _SEAL)


def _accepted(verdict: Authenticated | Rejected) -> Authenticated:
    if isinstance(verdict, Rejected):
        raise SignatureRefused(verdict.reason)
    return verdict


def _without_key(error: NotFetched, claim: Claim) -> Problem:
    if isinstance(error, DownForNow):
        return KeyUnavailable(error.reason)
    if error.reason is FetchReason.HOST_SUSPENDED:
        return HostSuspended()
    return KeyNotFound(f"key_{error.reason.removeprefix('key_')}", claim.key_id)
