"""Other servers, as the one under measurement sees them: actors on many hosts, and what they send."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from activitypub.protocol.signatures.messages import SignedRequest
from activitypub.protocol.signatures.signing import cavage_headers
from bench.server import ORIGIN

ACTIVITY: Final = "application/activity+json"
STREAMS: Final = "https://www.w3.org/ns/activitystreams"
PUBLIC: Final = f"{STREAMS}#Public"
# The local person to whom all is sent, and who is followed.
PERSON: Final = "bench0"
PERSON_URI: Final = f"{ORIGIN}/users/{PERSON}"
_AUTHORITY: Final = ORIGIN.partition("://")[2]
# Actors share keys, each under a name of its own, so that there are soon enough of them.
_KEYS: Final = 4


@dataclass(frozen=True)
class Peer:
    """One actor, with an inbox of its own, as on a small server."""

    host: str
    name: str
    key: rsa.RSAPrivateKey

    @property
    def uri(self) -> str:
        return f"http://{self.host}/users/{self.name}"

    @property
    def key_id(self) -> str:
        return f"{self.uri}#main-key"

    def row(self) -> Mapping[str, str]:
        """What the server is to know of it: for bench.federation_fill."""
        public = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return {
            "uri": self.uri,
            "host": self.host,
            "name": self.name,
            "key_id": self.key_id,
            "key": public.hex(),
        }

    def post(self, activity: Mapping[str, Any]) -> bytes:
        """The bytes of a POST to the person's inbox, signed now: it is good for five minutes."""
        body = orjson.dumps({"@context": STREAMS, "actor": self.uri, **activity})
        path = f"/users/{PERSON}/inbox"
        asked = SignedRequest("POST", path, _AUTHORITY, (("Content-Type", ACTIVITY),), body, "http")
        headers = cavage_headers(asked, self.key, self.key_id, time.time())
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def peers(ports: Sequence[int], number: int) -> list[Peer]:
    """So many actors, spread over the hosts at these loopback ports."""
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(_KEYS)]
    return [
        Peer(f"127.0.0.1:{ports[place % len(ports)]}", f"peer{place}", keys[place % _KEYS])
        for place in range(number)
    ]


class Activities:
    """What peers send; nothing comes twice."""

    def __init__(self) -> None:
        self._numbers = count()

    def creates(self, senders: Sequence[Peer], number: int) -> list[bytes]:
        """Notes for everybody that name the person, from these senders in turn."""
        return [sender.post(self._create(sender)) for sender in _turns(senders, number)]

    def likes(self, senders: Sequence[Peer], uri: str) -> list[bytes]:
        """One Like of that post from each of these."""
        return [
            sender.post({"id": self._id(sender), "type": "Like", "object": uri, "to": [PERSON_URI]})
            for sender in senders
        ]

    def _create(self, sender: Peer) -> dict[str, Any]:
        note, published = self._id(sender), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        audience = {"to": [PUBLIC], "cc": [f"{sender.uri}/followers", PERSON_URI]}
        return {
            "id": f"{note}/activity",
            "type": "Create",
            "published": published,
            **audience,
            "object": {
                "id": note,
                "type": "Note",
                "attributedTo": sender.uri,
                "published": published,
                "url": note,
                **audience,
                "content": f'<p><a href="{PERSON_URI}" class="u-url mention">@{PERSON}</a> '
                + "what is said here is as long as most of what is said " * 3
                + "</p>",
                "tag": [{"type": "Mention", "href": PERSON_URI, "name": f"@{PERSON}@{_AUTHORITY}"}],
            },
        }

    def _id(self, sender: Peer) -> str:
        return f"{sender.uri}/{next(self._numbers)}"


def _turns(senders: Sequence[Peer], number: int) -> Iterator[Peer]:
    return (senders[place % len(senders)] for place in range(number))
