"""Collections, their pages, and what is left of what was deleted."""

from typing import Any

from activitypub.queries.collections import FIRST, Collection, Page
from activitypub.rendering.contexts import STREAMS


def tombstone(uri: str, former_type: str = "Person") -> dict[str, Any]:
    """What stands at the `id` of an erased actor, or of a deleted object."""
    return {"@context": STREAMS, "id": uri, "type": "Tombstone", "formerType": former_type}


def collection(found: Collection) -> dict[str, Any]:
    """An OrderedCollection. Its items are on its pages; some collections have the newest in them too."""
    document: dict[str, Any] = {
        "@context": STREAMS,
        "id": found.uri,
        "type": "OrderedCollection",
        "totalItems": found.total,
    }
    if found.total:
        document["first"] = f"{found.uri}?page={FIRST}"
    if found.items or not found.total:
        document["orderedItems"] = found.items
    return document


def collection_page(found: Page) -> dict[str, Any]:
    """One OrderedCollectionPage; `next` where there is more."""
    document = {
        "@context": STREAMS,
        "id": f"{found.uri}?page={found.place}",
        "type": "OrderedCollectionPage",
        "partOf": found.uri,
        "orderedItems": found.items,
    }
    return document | ({"next": f"{found.uri}?page={found.next}"} if found.next else {})
