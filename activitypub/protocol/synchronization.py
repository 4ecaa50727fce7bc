"""Follower synchronisation: two servers find out that they disagree who follows whom (FEP-8fcf).

With what it delivers for followers the sender says, in a header, what their ids come to. A receiver that
counts otherwise fetches the part of the collection that concerns it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from activitypub.protocol.uris import is_uri, same_origin

HEADER: Final = "Collection-Synchronization"
MAX_HEADER_CHARACTERS: Final = 8192

_PARAMETER = re.compile(r'\s*([A-Za-z]{1,32})\s*=\s*"([^"\\]{0,2048})"\s*(,|$)')
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Synchronization:
    """The whole collection's id, the address of the part that is the receiver's, and that part's digest."""

    collection_id: str
    url: str
    digest: str


def digest(followers: Iterable[str]) -> str:
    """Return the XOR of the SHA-256 of each id, in hex: the same in any order. Each id counts once."""
    combined = 0
    for follower in set(followers):
        combined ^= int.from_bytes(sha256(follower.encode()).digest())
    return f"{combined:064x}"


def make(synchronization: Synchronization) -> str:
    """Return the header's value."""
    return (
        f'collectionId="{synchronization.collection_id}", '
        f'url="{synchronization.url}", digest="{synchronization.digest}"'
    )


def parse(value: str, followers: str) -> Synchronization | None:
    """Return what the header says of this followers' collection, the sender's own.

    None for what is malformed, names another collection, or an address of another origin: whoever sends it
    may not lead us elsewhere. A header that signs nothing is none; that is the caller's to know.
    """
    if len(value) > MAX_HEADER_CHARACTERS:
        return None
    found: dict[str, str] = {}
    position = 0
    while position < len(value):
        match = _PARAMETER.match(value, position)
        if match is None or match[1] in found:
            return None
        found[match[1]] = match[2]
        position = match.end()
        if match[3] == "," and position == len(value):
            return None
    collection, url = found.get("collectionId", ""), found.get("url", "")
    stated = found.get("digest", "").lower()
    if collection != followers or not is_uri(url) or not same_origin(url, followers):
        return None
    return Synchronization(collection, url, stated) if _DIGEST.fullmatch(stated) else None
