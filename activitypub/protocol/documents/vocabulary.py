"""The types that are known, by what they are."""

from collections.abc import Iterable
from typing import Final

ACTORS: Final = frozenset({"Application", "Group", "Organization", "Person", "Service"})

# What people publish and a timeline shows.
POSTS: Final = frozenset({"Article", "Audio", "Event", "Image", "Note", "Page", "Question", "Video"})

COLLECTIONS: Final = frozenset({"Collection", "CollectionPage", "OrderedCollection", "OrderedCollectionPage"})

ACTIVITIES: Final = frozenset(
    {
        "Accept", "Add", "Announce", "AnnounceRequest", "Block", "Create",
        "Delete", "Dislike", "EmojiReact", "Flag", "Follow", "Ignore", "Invite", "Join", "Leave", "Like",
        "LikeRequest", "Listen", "Move", "Offer", "QuoteRequest", "Read", "Reject", "Remove",
        "ReplyRequest", "TentativeAccept", "TentativeReject", "Undo", "Update", "View",
    }
)  # fmt: skip

TOMBSTONE: Final = "Tombstone"


def first_of(kinds: Iterable[str], known: frozenset[str]) -> str | None:
    """Return the first of these types that is among the known ones."""
    return next((kind for kind in kinds if kind in known), None)
