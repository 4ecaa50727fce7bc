"""The server's own actor signs what this server asks of others (`/actor`)."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from activitypub.errors import UnknownActor
from activitypub.models import KeyKind
from activitypub.protocol.signatures.keys import PrivateKey, private_key_from_vault
from activitypub.protocol.signatures.messages import SignedRequest
from activitypub.protocol.signatures.policy import Scheme
from activitypub.protocol.signatures.signing import cavage_headers, rfc9421_headers
from activitypub.queries import actors

# How long an opened key stays in memory.
KEPT_SECONDS = 300.0


@dataclass(frozen=True)
class KeySigner:
    """Signs GETs with one key."""

    key_id: str
    key: PrivateKey

    def headers(self, method: str, url: str, scheme: Scheme = Scheme.CAVAGE) -> Mapping[str, str]:
        """What is added to a request so that it is signed."""
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        request = SignedRequest(method, target, parts.netloc, (), scheme=parts.scheme)
        sign = rfc9421_headers if scheme is Scheme.RFC9421 else cavage_headers
        return dict(sign(request, self.key, self.key_id, time.time()))


_kept: tuple[KeySigner, float] | None = None
_opening = threading.Lock()


def instance_signer() -> KeySigner | None:
    """The server's own actor's signer, from the database; None where there is no such actor yet.

    Which key signs is asked each time: a replaced one is no longer the actor's `publicKey`, and many servers
    look nowhere else.
    """
    global _kept
    with _opening:
        try:
            row = actors.signing_key(actors.instance(), KeyKind.RSA)
        except UnknownActor:
            return None
        if _kept is not None and _kept[0].key_id == row.key_id and time.monotonic() < _kept[1]:
            return _kept[0]
        signer = KeySigner(row.key_id, private_key_from_vault(bytes(row.private or b"")))
        _kept = signer, time.monotonic() + KEPT_SECONDS
        return signer


def forget() -> None:
    """Read the key anew next time: for tests, whose databases come and go."""
    global _kept
    _kept = None
