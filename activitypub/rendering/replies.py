"""The collection of what answers a post of this server."""

from collections.abc import Sequence
from typing import Any

from activitypub.models import Post
from activitypub.queries.collections import FIRST
from activitypub.queries.posts import OPEN
from activitypub.queries.replies import RepliesPage
from activitypub.rendering.contexts import STREAMS

REPLIES = "replies"


def replies_member(post: Post, own: Sequence[str] = ()) -> dict[str, Any]:
    """The member by which a post that is for everybody leads to its answers; those of its author may stand
    there at once. A page, and no address alone, or every server that gets the post would ask for it."""
    if post.author.host or post.visibility not in OPEN:
        return {}
    uri = _address(post)
    first = {"type": "CollectionPage", "partOf": uri, "next": f"{uri}?page={FIRST}", "items": list(own)}
    return {REPLIES: {"id": uri, "type": "Collection", "first": first}}


def replies_collection(post: Post, first: RepliesPage) -> dict[str, Any]:
    """The Collection, its first page in it. It is not counted: figures stand for more than is listed."""
    page = replies_page(post, first)
    page.pop("@context")
    return {"@context": STREAMS, "id": _address(post), "type": "Collection", "first": page}


def replies_page(post: Post, found: RepliesPage) -> dict[str, Any]:
    """One CollectionPage; `next` where there may be more."""
    uri = _address(post)
    document = {
        "@context": STREAMS,
        "id": f"{uri}?page={found.place}",
        "type": "CollectionPage",
        "partOf": uri,
        "items": found.items,
    }
    return document | ({"next": f"{uri}?page={found.next}"} if found.next else {})


def _address(post: Post) -> str:
    return f"{post.uri}/{REPLIES}"
