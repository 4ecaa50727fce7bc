"""Follow and Block, and what is said to them.

Accept, Reject and Undo have the Follow whole, so that the other server finds it by whatever it kept of it.
"""

from typing import Any

from activitypub.models import Actor, Block, Follow
from activitypub.rendering.contexts import STREAMS


def follow_document(follow: Follow) -> dict[str, Any]:
    """The Follow itself."""
    return {"@context": STREAMS, **_follow(follow), "to": [follow.followee.uri]}


def answer_document(follow: Follow, kind: str, uri: str) -> dict[str, Any]:
    """The Accept or Reject with this id, by who is followed."""
    return _about(kind, uri, follow.followee, _follow(follow), to=follow.follower)


def undo_document(follow: Follow, uri: str) -> dict[str, Any]:
    """The Undo with this id, by who followed."""
    return _about("Undo", uri, follow.follower, _follow(follow), to=follow.followee)


def block_document(block: Block) -> dict[str, Any]:
    """The Block itself."""
    return {"@context": STREAMS, **_block(block), "to": [block.target.uri]}


def undo_block_document(block: Block, uri: str) -> dict[str, Any]:
    """The Undo of a Block, with this id."""
    return _about("Undo", uri, block.actor, _block(block), to=block.target)


def _block(block: Block) -> dict[str, Any]:
    return {"id": block.uri, "type": "Block", "actor": block.actor.uri, "object": block.target.uri}


def _about(kind: str, uri: str, actor: Actor, inner: Any, *, to: Actor) -> dict[str, Any]:
    """An activity for one other actor, about something."""
    return {
        "@context": STREAMS,
        "id": uri,
        "type": kind,
        "actor": actor.uri,
        "object": inner,
        "to": [to.uri],
    }


def _follow(follow: Follow) -> dict[str, Any]:
    named = {"id": follow.uri} if follow.uri else {}
    return {**named, "type": "Follow", "actor": follow.follower.uri, "object": follow.followee.uri}
