"""What came to a person, as their own client reads it."""

from typing import Any

from activitypub.models import Boost, Follow, QuoteRequest
from activitypub.queries.collections import FIRST
from activitypub.queries.inbox import Arrival, Created, InboxPage
from activitypub.rendering.contexts import STREAMS
from activitypub.rendering.follows import follow_document
from activitypub.rendering.posts import create_document
from activitypub.rendering.quote_requests import asked_document
from activitypub.rendering.reactions import announce_document, like_document


def inbox(uri: str) -> dict[str, Any]:
    """The OrderedCollection, whose items are on its pages. Nobody counts them."""
    return {
        "@context": STREAMS,
        "id": uri,
        "type": "OrderedCollection",
        "first": f"{uri}?page={FIRST}",
    }


def inbox_page(uri: str, found: InboxPage) -> dict[str, Any]:
    """One OrderedCollectionPage; `next` where there may be more."""
    document = {
        "@context": STREAMS,
        "id": f"{uri}?page={found.place}",
        "type": "OrderedCollectionPage",
        "partOf": uri,
        "orderedItems": [arrival_document(one) for one in found.items],
    }
    return document | ({"next": f"{uri}?page={found.next}"} if found.next else {})


def arrival_document(arrival: Arrival) -> dict[str, Any]:
    """Create, Announce, Follow, QuoteRequest, Like or EmojiReact. What stands in it of another server is what
    this one has kept of it, cleaned."""
    match arrival:
        case Created():
            return _create(arrival)
        case Boost():
            return announce_document(arrival)
        case Follow():
            return follow_document(arrival)
        case QuoteRequest():
            return asked_document(arrival)
        case _:
            return like_document(arrival)


def _create(arrival: Created) -> dict[str, Any]:
    document = create_document(arrival.post, arrival.uri)
    if not arrival.uri:
        del document["id"]
    if arrival.post.author.host:
        # What that server lets others do with it is its own to say.
        del document["object"]["interactionPolicy"]
    return document
