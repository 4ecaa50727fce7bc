"""Likes and boosts, and their end."""

from typing import Any, Final

from activitypub.models import Actor, Boost, Like, Visibility
from activitypub.rendering.contexts import PUBLIC, STREAMS
from activitypub.rendering.posts import moment

# By the address that servers know it by from Pleroma.
REACTION_CONTEXT: Final = (
    STREAMS,
    {"litepub": "http://litepub.social/ns#", "EmojiReact": "litepub:EmojiReact"},
)


def like_document(like: Like) -> dict[str, Any]:
    """The Like, for the post's author; with an emoji an EmojiReact."""
    return {"@context": _context(like), **_like(like), "to": [like.post.author.uri]}


def announce_document(boost: Boost) -> dict[str, Any]:
    """The Announce, for those who may see it and the post's author."""
    to, cc = _addresses(boost)
    return {
        "@context": STREAMS,
        **_announce(boost),
        "published": moment(boost.published),
        "to": to,
        "cc": cc,
    }


def undo_like_document(like: Like, uri: str) -> dict[str, Any]:
    """The Undo of a Like or an EmojiReact, with this id."""
    undo = _undo(uri, like.actor, _like(like), [like.post.author.uri], [])
    return undo | {"@context": _context(like)}


def undo_announce_document(boost: Boost, uri: str) -> dict[str, Any]:
    """The Undo of an Announce, with this id."""
    return _undo(uri, boost.actor, _announce(boost), *_addresses(boost))


def _undo(uri: str, actor: Actor, undone: dict[str, Any], to: list[str], cc: list[str]) -> dict[str, Any]:
    return {
        "@context": STREAMS,
        "id": uri,
        "type": "Undo",
        "actor": actor.uri,
        "object": undone,
        "to": to,
        "cc": cc,
    }


def _like(like: Like) -> dict[str, Any]:
    document = {"id": like.uri, "type": "Like", "actor": like.actor.uri, "object": like.post.uri}
    return document | ({"type": "EmojiReact", "content": like.emoji} if like.emoji else {})


def _context(like: Like) -> Any:
    return REACTION_CONTEXT if like.emoji else STREAMS


def _announce(boost: Boost) -> dict[str, Any]:
    return {"id": boost.uri, "type": "Announce", "actor": boost.actor.uri, "object": boost.post.uri}


def _addresses(boost: Boost) -> tuple[list[str], list[str]]:
    followers, author = boost.actor.followers, boost.post.author.uri
    match boost.visibility:
        case Visibility.PUBLIC:
            return [PUBLIC], [author, followers]
        case Visibility.UNLISTED:
            return [followers], [PUBLIC, author]
        case _:
            return [followers], [author]
