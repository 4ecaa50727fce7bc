"""Documents of other programs, sent to this server as their actors would send them.

Signature, inbox and worker are the real ones. What is fetched comes from `Web`, where each actor stands with
a key of the test's, and each object as the document brings it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from activitypub.fetching.errors import NotFound, Reason
from activitypub.protocol.documents import shapes, vocabulary
from activitypub.protocol.documents.reading import Document, read
from activitypub.protocol.signatures.keys import public_key_pem
from activitypub.protocol.uris import is_uri, origin_of, without_fragment
from tests.activitypub.senders import STREAMS, rsa_key

FOLDER = "activitypub/docs"


@dataclass
class Web:
    """All other servers. What does not stand here is not found."""

    documents: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def fetch_document(self, url: str, signer: object = None, **_: object) -> Document:
        found = self.documents.get(without_fragment(url))
        if found is None:
            raise NotFound(Reason.NOT_FOUND)
        return read(json.dumps(found).encode())

    async def close(self) -> None:
        pass


@dataclass(frozen=True)
class Sent:
    """One document on its way: the activity, and who sends it. `wrapped` is the type of the activity into
    which a document that is none was put; empty where it went as it is."""

    activity: dict[str, Any]
    actor: str
    wrapped: str

    @property
    def key_id(self) -> str:
        return f"{self.actor}#main-key"


def documents(vectors: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and content of each."""
    for path in sorted((vectors / FOLDER).glob("*.json")):
        yield path.name.removesuffix(".json"), json.loads(path.read_bytes())


def send(document: dict[str, Any]) -> Sent:
    """The activity in which a server sends the document."""
    kinds = shapes.types(document)
    if "actor" in document and ("object" in document or vocabulary.first_of(kinds, vocabulary.ACTIVITIES)):
        return Sent(document, _only(document["actor"]) or _beside(document), "")
    if vocabulary.first_of(kinds, vocabulary.ACTORS):
        return _wrap(document, shapes.uri(document) or _beside(document), "Update")
    if vocabulary.TOMBSTONE in kinds:
        return _wrap(document, _beside(document), "Delete")
    if vocabulary.first_of(kinds, vocabulary.COLLECTIONS):
        return _wrap(document, _beside(document), "Update")
    author = next(iter(shapes.uris(document.get("attributedTo"))), None) or _only(document.get("actor"))
    return _wrap(document, author or _beside(document), "Create")


def web_of(sent: Sent) -> Web:
    """Where its sender stands, and everybody and everything that it brings, each at its own address."""
    web = Web()
    for found in _objects(sent.activity):
        name = found.get("id")
        if is_uri(name) and len(found) > 2:
            web.documents.setdefault(without_fragment(name), dict(found))
    for found in _objects(sent.activity):
        for actor in (*shapes.uris(found.get("actor")), *shapes.uris(found.get("attributedTo"))):
            _stand(web, actor)
    _stand(web, sent.actor)
    return web


def _stand(web: Web, uri: str) -> None:
    """The actor's own document with a key of the test's; one is made for whom no document is known."""
    own = web.documents.get(uri, {})
    if not vocabulary.first_of(shapes.types(own), vocabulary.ACTORS):
        own = {"type": "Person", "preferredUsername": re.sub(r"\W", "", uri.rsplit("/", 1)[-1]) or "someone"}
    key = {"id": f"{uri}#main-key", "owner": uri, "publicKeyPem": public_key_pem(rsa_key().public_key())}
    web.documents[uri] = {
        "@context": STREAMS,
        "inbox": f"{uri}/inbox",
        **own,
        "id": uri,
        "publicKey": key,
    }


def _wrap(document: dict[str, Any], actor: str, kind: str) -> Sent:
    activity = {
        "@context": document.get("@context", STREAMS),
        "id": f"{actor}#test",
        "type": kind,
        "actor": actor,
        "object": {name: value for name, value in document.items() if name != "@context"},
    }
    for name in ("to", "cc"):
        if name in document:
            activity[name] = document[name]
    return Sent(activity, actor, kind)


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield value
        for name, member in value.items():
            if name != "@context":
                yield from _objects(member)
    elif isinstance(value, list):
        for member in value:
            yield from _objects(member)


def _only(value: Any) -> str:
    found = shapes.uris(value)
    return found[0] if found else ""


def _beside(document: Mapping[str, Any]) -> str:
    """Somebody of the same server."""
    origin = origin_of(shapes.uri(document) or "https://somewhere.example/")
    assert origin is not None
    return f"{origin.scheme}://{origin.authority}/someone"
