"""Whether a POST is signed as an inbox wants it, by the rules of our own inbox."""

import time
from collections.abc import Sequence

from cryptography.hazmat.primitives.serialization import load_der_public_key

from activitypub.models import ActorKey
from activitypub.protocol.signatures.messages import SignedRequest
from activitypub.protocol.signatures.policy import Claim, Verified, check, read_claim
from tests.activitypub.delivery.inboxes import Post


def scheme_of(post: Post) -> str:
    return "rfc9421" if "Signature-Input" in post.headers else "cavage"


def verified_by(post: Post, keys: Sequence[ActorKey]) -> str:
    """Whose key has signed it, all of it."""
    request = SignedRequest("POST", post.path, post.host, tuple(post.headers.items()), post.body, "http")
    claim = read_claim(request, time.time())
    assert isinstance(claim, Claim), claim
    [key] = [key for key in keys if key.key_id == claim.key_id]
    public = load_der_public_key(bytes(key.public))
    outcome = check(claim, public, time.time())  # type: ignore[arg-type]
    assert isinstance(outcome, Verified), outcome
    return key.key_id.partition("#")[0]
