"""NodeInfo: what a server says of itself, made (2.1) and read (1.0 to 2.1).

http://nodeinfo.diaspora.software/schema.html
"""

from dataclasses import dataclass
from typing import Any, Final

from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.uris import is_uri

SCHEMA: Final = "http://nodeinfo.diaspora.software/ns/schema/"
VERSION: Final = "2.1"
# The newest one that another server has is read.
READ: Final = ("2.1", "2.0", "1.1", "1.0")

MAX_CHARACTERS: Final = 255


@dataclass(frozen=True, slots=True)
class Usage:
    """How many people there are, how many were here in the last 30 and 180 days, and their posts."""

    users: int
    active_month: int
    active_half_year: int
    local_posts: int


@dataclass(frozen=True, slots=True)
class Software:
    """What a server says that it runs. It may say anything."""

    name: str
    version: str


def well_known(origin: str) -> dict[str, Any]:
    """Return `/.well-known/nodeinfo`."""
    return {"links": [{"rel": f"{SCHEMA}{VERSION}", "href": f"{origin}/nodeinfo/{VERSION}"}]}


def document(
    software: Software, homepage: str, repository: str, *, open_registrations: bool, usage: Usage
) -> dict[str, Any]:
    """Return `/nodeinfo/2.1`. An empty address is left out."""
    addresses = {"homepage": homepage, "repository": repository}
    return {
        "version": VERSION,
        "software": {
            "name": software.name,
            "version": software.version,
            **{name: address for name, address in addresses.items() if address},
        },
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": open_registrations,
        "usage": {
            "users": {
                "total": usage.users,
                "activeMonth": usage.active_month,
                "activeHalfyear": usage.active_half_year,
            },
            "localPosts": usage.local_posts,
        },
        "metadata": {},
    }


def address(index: Document) -> str | None:
    """Return where the newest NodeInfo is that another server's well-known document names."""
    links = [link for link in shapes.many(index.get("links")) if isinstance(link, dict)]
    for version in READ:
        for link in links:
            href = link.get("href")
            if link.get("rel") == f"{SCHEMA}{version}" and is_uri(href):
                return href
    return None


def software(found: Document) -> Software | None:
    """Return what a NodeInfo document says that its server runs."""
    stated = shapes.mapping(found.get("software"))
    name, version = shapes.string(stated.get("name")), shapes.string(stated.get("version"))
    if name is None or len(name) > MAX_CHARACTERS:
        return None
    return Software(name.lower(), (version or "")[:MAX_CHARACTERS])
