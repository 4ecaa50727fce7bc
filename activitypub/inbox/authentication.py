"""Who sent a request, or wrote what is in it: the one who holds the key that its owner's document names.

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
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.signatures.integrity_proofs import (
    ProofClaim,
    ProvenDocument,
    check_proof,
    read_proof,
)
from activitypub.protocol.signatures.messages import SignedRequest, decoded
from activitypub.protocol.signatures.policy import Claim, Rejected, Verified, check, read_claim
from activitypub.protocol.signatures.reasons import Reason
from activitypub.remote import keys
from activitypub.remote.keys import RemoteKey
from audit.errors import Problem

# What another key under the same name may mend: its owner has made a new one.
_MENDED_BY_ROTATION = frozenset({Reason.SIGNATURE_INVALID, Reason.ALGORITHM_MISMATCH, Reason.KEY_TOO_SMALL})

# A proof says nothing of whom a document is for, and anybody may bring it again. While it counts, the id of
# what it came with is still known (services.forgetting.KNOWN_FOR), and a second time has no effect.
PROOF_SECONDS = 6 * 86400.0

_SEAL = object()


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Evidence that an actor signed `body`: with the request that it came in, by `verified`, and by whose key
    that is; or by a proof that stands in it, and then nothing is known of who sent it.

    `signed_at` is when, by what is signed, in whole Unix seconds: HTTP's dates have no more, and so a proof
    is not later than the request that it was first sent with.
    """

    actor_uri: str
    body: bytes
    signed_at: int
    verified: Verified | None
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("evidence is made by checking, and in no other way")


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


async def authenticate_document(body: bytes, document: Document) -> Authenticated | None:
    """Who signed a document, as read from `body`, by the proof in it (FEP-8b32), whoever has brought it; None
    where no proof holds, or it is too old.

    Raises KeyUnavailable while the key's host is down.
    """
    claim = read_proof(document, time.time())
    if isinstance(claim, Rejected) or claim.created is None or claim.created < time.time() - PROOF_SECONDS:
        return None
    signed_at = int(claim.created)
    try:
        found = _proven(claim, body, signed_at, await keys.key_for(claim.verification_method))
        if isinstance(found, Rejected) and found.reason in _MENDED_BY_ROTATION:
            key = await keys.key_for(claim.verification_method, fresh=True)
            found = _proven(claim, body, signed_at, key)
    except DownForNow as error:
        raise KeyUnavailable(error.reason) from None
    except NotFetched:
        return None
    return found if isinstance(found, Authenticated) else None


def _proven(claim: ProofClaim, body: bytes, signed_at: int, key: RemoteKey) -> Authenticated | Rejected:
    verdict = check_proof(claim, key.key, time.time())
    if isinstance(verdict, ProvenDocument):
        return Authenticated(key.actor_uri, body, signed_at, None, _SEAL)
    return verdict


def _checked(claim: Claim, key: RemoteKey) -> Authenticated | Rejected:
    verdict = check(claim, key.key, time.time())
    if isinstance(verdict, Verified):
        return Authenticated(key.actor_uri, verdict.request.body, int(claim.created), verdict, _SEAL)
    return verdict


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
