"""Actors of other servers for a test: each with a key, a document at a peer on the loopback, and requests
that they sign."""

import json
import time
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from typing import Any
from urllib.parse import unquote

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from django.conf import settings

from activitypub.protocol.signatures.keys import PrivateKey, public_key_pem
from activitypub.protocol.signatures.messages import SignedRequest
from activitypub.protocol.signatures.signing import cavage_headers, rfc9421_headers
from tests.activitypub.fetching.peer import Peer, document

ACTIVITY = "application/activity+json"
STREAMS = "https://www.w3.org/ns/activitystreams"

_numbers = count(1)


@cache
def rsa_key(name: str = "bob", bits: int = 2048) -> rsa.RSAPrivateKey:
    """An RSA key, one for each name and size."""
    return rsa.generate_private_key(65537, bits)


@cache
def ed25519_key(name: str = "bob") -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


@dataclass
class Sender:
    """An actor at a peer. `publish` puts its document there."""

    peer: Peer
    name: str = "bob"
    key: PrivateKey = field(default_factory=rsa_key)

    @property
    def uri(self) -> str:
        return self.peer.url(f"/users/{self.name}")

    @property
    def key_id(self) -> str:
        return f"{self.uri}#main-key"

    def document(self, **changed: Any) -> dict[str, Any]:
        """The actor's document; members given as None are left out."""
        members = {
            "@context": [STREAMS, "https://w3id.org/security/v1"],
            "id": self.uri,
            "type": "Person",
            "preferredUsername": self.name,
            "inbox": f"{self.uri}/inbox",
            "endpoints": {"sharedInbox": self.peer.url("/inbox")},
            "publicKey": {
                "id": self.key_id,
                "owner": self.uri,
                "publicKeyPem": public_key_pem(self.key.public_key()),
            },
            **changed,
        }
        return {name: value for name, value in members.items() if value is not None}

    def publish(self, **changed: Any) -> "Sender":
        self.peer.answers[f"/users/{self.name}"] = document(self.document(**changed))
        return self

    def activity(self, kind: str = "Create", **changed: Any) -> dict[str, Any]:
        """An activity of this actor with an id of its own: by default a Create of a public note."""
        number = next(_numbers)
        note = {
            "id": f"{self.uri}/notes/{number}",
            "type": "Note",
            "attributedTo": self.uri,
            "to": [f"{STREAMS}#Public"],
            "content": f"<p>note {number}</p>",
        }
        members = {
            "@context": STREAMS,
            "id": f"{self.uri}/activities/{number}",
            "type": kind,
            "actor": self.uri,
            "object": note,
            **changed,
        }
        return {name: value for name, value in members.items() if value is not None}

    def post(
        self, activity: Mapping[str, Any] | bytes | None = None, path: str = "/inbox", **how: Any
    ) -> SignedRequest:
        """A signed POST of an activity, or of these bytes, as it goes over the wire."""
        return self.signed(unsigned_post(self.activity() if activity is None else activity, path), **how)

    def signed(
        self,
        request: SignedRequest,
        *,
        scheme: str = "cavage",
        key_id: str | None = None,
        key: PrivateKey | None = None,
        age: float = 0.0,
    ) -> SignedRequest:
        """The request as this actor signs it, `age` seconds ago."""
        return signed_by(key or self.key, key_id or self.key_id, request, scheme=scheme, age=age)


def signed_by(
    key: PrivateKey, key_id: str, request: SignedRequest, *, scheme: str = "cavage", age: float = 0.0
) -> SignedRequest:
    """The request as the holder of a key signs it, `age` seconds ago."""
    make = rfc9421_headers if scheme == "rfc9421" else cavage_headers
    bare = tuple(line for line in request.headers if line[0] != "Host") if scheme == "cavage" else ()
    headers = make(replace(request, headers=bare), key, key_id, time.time() - age)
    added = {name.lower() for name, _ in headers}
    kept = tuple(line for line in request.headers if line[0].lower() not in added)
    return replace(request, headers=(*kept, *headers))


def unsigned_post(activity: Mapping[str, Any] | bytes, path: str = "/inbox") -> SignedRequest:
    body = activity if isinstance(activity, bytes) else json.dumps(activity).encode()
    host = settings.HVX_HOST
    return SignedRequest(
        "POST",
        path,
        host,
        (("Host", host), ("Content-Type", ACTIVITY)),
        body,
        settings.HVX_ORIGIN.split(":")[0],
    )


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The RFC 9457 document that it is."""
        assert self.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = json.loads(self.body)
        assert found["status"] == self.status
        return found


async def ask(
    application: Any, request: SignedRequest, *, parts: Iterable[Mapping[str, Any]] | None = None
) -> Answer:
    """What an ASGI application answers. `parts` are the events of the body in place of one with all of it."""
    path, _, query = request.target.partition("?")
    scope = {
        "type": "http",
        "method": request.method,
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "scheme": "http",
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers
        ],
        "client": ("192.0.2.7", 4711),
        "server": ("127.0.0.1", 8000),
        "http_version": "1.1",
        "root_path": "",
    }
    whole = [{"type": "http.request", "body": request.body, "more_body": False}]
    events = iter(whole if parts is None else parts)
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        event = next(events, None)
        return {"type": "http.disconnect"} if event is None else event

    async def send(event: MutableMapping[str, Any]) -> None:
        sent.append(event)

    await application(scope, receive, send)
    if not sent:
        return Answer(0, {}, b"")
    start, *rest = sent
    return Answer(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(event["body"] for event in rest),
    )
