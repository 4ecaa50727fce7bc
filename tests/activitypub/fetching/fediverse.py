"""Several hosts that name handles and actors, for tests of finding one by the other."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from activitypub.fetching.documents import Documents
from activitypub.fetching.errors import Refused
from activitypub.fetching.finding import Found, find
from activitypub.protocol.webfinger import Handle
from tests.activitypub.fetching.peer import (
    ACTIVITY,
    OUTSIDE,
    Answer,
    Names,
    Peer,
    document,
    whole,
)

HOME, WEB, EVIL = "home.example", "web.example", "evil.example"


class Fediverse:
    """Hosts, all of them served by one peer."""

    def __init__(self, peer: Peer, names: Names, documents: Documents) -> None:
        self.peer, self.documents = peer, documents
        for name in (HOME, WEB, EVIL):
            names.name(name, [OUTSIDE])

    def handle(self, username: str, host: str) -> Handle:
        return Handle(username, f"{host}:{self.peer.port}")

    def webfinger_path(self, handle: Handle) -> str:
        return f"/.well-known/webfinger?resource=acct%3A{handle.username}%40{handle.host.replace(':', '%3A')}"

    def names_actor(self, asked: Handle, actor: str, subject: Handle | None = None) -> None:
        """The handle's host says whose handle it is."""
        self.peer.answers[asked.host.partition(":")[0] + self.webfinger_path(asked)] = jrd(
            {
                "subject": (subject or asked).acct,
                "links": [
                    {"rel": "self", "type": "text/html", "href": "https://wrong.example/"},
                    {"rel": "self", "type": ACTIVITY, "href": actor},
                ],
            }
        )

    def actor(self, username: str, host: str, **more: Any) -> str:
        """A host has an actor."""
        id_ = self.peer.url(f"/users/{username}", host)
        content = {"id": id_, "type": "Person", "preferredUsername": username, "inbox": f"{id_}/inbox"}
        self.peer.answers[f"{host}/users/{username}"] = document(content | more)
        return id_

    async def find(self, handle: Handle) -> Found:
        return await find(self.documents, handle)

    async def refusal(self, handle: Handle) -> tuple[str, str]:
        with pytest.raises(Refused) as error:
            await self.find(handle)
        return error.value.reason.value, error.value.detail


def jrd(content: Mapping[str, Any]) -> Answer:
    return whole(json.dumps(content).encode(), Content_Type="application/jrd+json; charset=utf-8")


def host_meta(template: str, kind: str = "application/jrd+json") -> Answer:
    body = (
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">'
        f'<Link rel="lrdd" type="{kind}" template="{template}"/></XRD>'
    )
    return whole(body.encode(), Content_Type="application/xrd+xml")
