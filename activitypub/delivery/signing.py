"""Signing what is delivered."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from activitypub.delivery.jobs import Job, SigningKey
from activitypub.fetching.targets import target
from activitypub.protocol.signatures.keys import PrivateKey
from activitypub.protocol.signatures.messages import Headers, SignedRequest
from activitypub.protocol.signatures.policy import Scheme
from activitypub.protocol.signatures.signing import cavage_headers, rfc9421_headers
from activitypub.protocol.synchronization import HEADER

_SCHEMES: dict[Scheme, Callable[[SignedRequest, PrivateKey, str, float], Headers]] = {
    Scheme.CAVAGE: cavage_headers,
    Scheme.RFC9421: rfc9421_headers,
}


@dataclass(frozen=True)
class Place:
    """An inbox as it goes over the wire."""

    url: str
    scheme: str
    authority: str
    target: str


@dataclass(frozen=True)
class SignedPost:
    """A POST with all that is to stand in its head."""

    url: str
    headers: Headers
    body: bytes


@lru_cache(maxsize=8192)
def place_of(inbox: str, *, plain_http: bool) -> Place:
    """Where an inbox is. Raises activitypub.fetching.errors.Refused for what is no address."""
    at = target(inbox, plain_http=plain_http)
    parts = urlsplit(at.url)
    query = f"?{parts.query}" if parts.query else ""
    return Place(at.url, parts.scheme, at.host, f"{parts.path}{query}")


def signed(job: Job, scheme: Scheme, key: SigningKey, *, plain_http: bool) -> SignedPost:
    """The job's POST, signed now. Raises activitypub.fetching.errors.Refused, SignatureError."""
    place = place_of(job.inbox, plain_http=plain_http)
    also: Headers = ((HEADER, job.synchronization),) if job.synchronization else ()
    body = job.activity.body
    request = SignedRequest("POST", place.target, place.authority, also, body, place.scheme)
    return SignedPost(place.url, _SCHEMES[scheme](request, key.key, key.key_id, time.time()), body)
