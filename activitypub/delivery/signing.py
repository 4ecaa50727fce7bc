"""Signing what is delivered, by keys that were opened a moment ago."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from cachetools import TTLCache

from activitypub.delivery.jobs import Job, Scheme
from activitypub.fetching.targets import target
from activitypub.models import ActorKey, KeyKind
from activitypub.protocol.signatures.keys import PrivateKey, private_key_from_vault
from activitypub.protocol.signatures.messages import Headers, SignedRequest
from activitypub.protocol.signatures.signing import cavage_headers, rfc9421_headers
from activitypub.protocol.synchronization import HEADER

KEYS = 1000
# A key that was replaced signs for so long; it is published for a week more.
KEPT_SECONDS = 60.0

_SCHEMES: dict[Scheme, Callable[[SignedRequest, PrivateKey, str, float], Headers]] = {
    Scheme.CAVAGE: cavage_headers,
    Scheme.RFC9421: rfc9421_headers,
}


class NoKey(Exception):
    """The actor has no key any more: it was erased."""


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


class Keys:
    """Private keys of actors, loaded, by the actor's id: a bounded number, each for a minute."""

    def __init__(self) -> None:
        self._kept: TTLCache[int, tuple[str, PrivateKey]] = TTLCache(KEYS, KEPT_SECONDS)
        self._lock = threading.Lock()

    def of(self, actor_id: int) -> tuple[str, PrivateKey]:
        """The key's id and the key. In a thread that may ask the database. Raises NoKey."""
        with self._lock:
            kept = self._kept.get(actor_id)
        if kept is not None:
            return kept
        rows = ActorKey.objects.filter(actor_id=actor_id, kind=KeyKind.RSA, retires_at=None)
        row = rows.order_by("-created_at").first()
        if row is None or row.private is None:
            raise NoKey
        opened = row.key_id, private_key_from_vault(bytes(row.private))
        with self._lock:
            self._kept[actor_id] = opened
        return opened

    def forget(self) -> None:
        """Read all anew."""
        with self._lock:
            self._kept.clear()


@lru_cache(maxsize=8192)
def place_of(inbox: str, *, plain_http: bool) -> Place:
    """Where an inbox is. Raises activitypub.fetching.errors.Refused for what is no address."""
    at = target(inbox, plain_http=plain_http)
    parts = urlsplit(at.url)
    query = f"?{parts.query}" if parts.query else ""
    return Place(at.url, parts.scheme, at.host, f"{parts.path}{query}")


def signed(job: Job, scheme: Scheme, keys: Keys, *, plain_http: bool) -> SignedPost:
    """The job's POST, signed now. Raises NoKey, Refused, SignatureError."""
    key_id, key = keys.of(job.activity.actor_id)
    place = place_of(job.inbox, plain_http=plain_http)
    also: Headers = ((HEADER, job.synchronization),) if job.synchronization else ()
    request = SignedRequest("POST", place.target, place.authority, also, job.activity.body, place.scheme)
    return SignedPost(place.url, _SCHEMES[scheme](request, key, key_id, time.time()), job.activity.body)
