"""Whom an author lets like, answer or boost a post (GoToSocial's `interactionPolicy`)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.shapes import PUBLIC

# At once and after being asked; the latter two are its words before version 0.19.
_NAMES: Final = ("automaticApproval", "manualApproval", "always", "approvalRequired")
# Of a longer list a part would shut out those who are in the rest.
MAX_NAMES: Final = 256


class Interaction(StrEnum):
    """What is done to a post, by the member of the policy that says who may."""

    LIKE = "canLike"
    REPLY = "canReply"
    ANNOUNCE = "canAnnounce"


def limits(document: Document) -> Mapping[Interaction, tuple[str, ...]]:
    """Return who alone may do what, at once or after being asked, where that is not everybody: actors, and
    collections of the author's. Who lets nobody names itself; what names nobody says nothing."""
    policy = shapes.mapping(document.get("interactionPolicy"))
    found: dict[Interaction, tuple[str, ...]] = {}
    for interaction in Interaction:
        part = shapes.mapping(shapes.one(policy.get(interaction)))
        names = tuple(dict.fromkeys(uri for name in _NAMES for uri in shapes.addressees(part.get(name))))
        if names and PUBLIC not in names and len(names) <= MAX_NAMES:
            found[interaction] = names
    return found
