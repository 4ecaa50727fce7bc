"""Reading what a server publishes of its actors, as another server does."""

import json
from typing import Any
from urllib.parse import urlsplit

from tests.people import Answer, Wire

ACTIVITY = "application/activity+json"


def get(wire: Wire, address: str, accept: str = ACTIVITY, *, method: str = "GET") -> Answer:
    """What stands at an address of the wire's origin, given whole or as a path."""
    parts = urlsplit(address)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return wire.request(method, path, headers={"Accept": accept} if accept else {}, body=None)


def document(wire: Wire, address: str) -> Any:
    """The document at an address, which names itself as `id`."""
    answer = get(wire, address).expect(200)
    assert answer.headers["content-type"] == ACTIVITY
    read = json.loads(answer.body)
    assert read["id"] == address
    return read
