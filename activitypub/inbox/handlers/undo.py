"""Undo: a Follow, a Like, an EmojiReact, an Announce or a Block is taken back.

What is undone is named by its id; where no row has that, by what it did.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db.models import Model

from activitypub.inbox.context import Context, NoEffect
from activitypub.inbox.handlers import like
from activitypub.models import Block, Boost, Follow, Like
from activitypub.protocol import authority
from activitypub.protocol.documents import shapes, vocabulary
from activitypub.protocol.documents.activities import Activity
from activitypub.protocol.documents.reading import Document
from activitypub.services import blocks, boosts, following, likes, posts

# Of each kind of row who did it, and how it is undone.
_UNDONE: Final[tuple[tuple[type[Model], str, Callable[[Any], object]], ...]] = (
    (Follow, "follower", following.end),
    (Like, "actor", likes.undo),
    (Boost, "actor", boosts.undo),
    (Block, "actor", blocks.undo),
)


def handle(context: Context, activity: Activity) -> None:
    undone = activity.object
    if undone.id is not None and _by_its_id(context, undone.id):
        return
    if undone.inline is not None and _by_what_it_did(context, undone.inline):
        return
    if undone.id is None:
        raise NoEffect("unknown_object")
    if any(model._default_manager.filter(uri=undone.id).exists() for model, _, _ in _UNDONE):
        raise NoEffect(authority.Reason.UNDONE_BY_ANOTHER)
    # A boost may still wait for what it boosts, and has to find that it is over.
    posts.forget(undone.id, by=context.actor)


def _by_its_id(context: Context, uri: str) -> bool:
    """Of the sender's rows alone: somebody else of its host may have taken the same id."""
    for model, doer, undo in _UNDONE:
        row = model._default_manager.filter(**{"uri": uri, doer: context.actor}).first()
        if row is not None:
            undo(row)
            return True
    return False


def _by_what_it_did(context: Context, inline: Document) -> bool:
    kind = vocabulary.first_of(shapes.types(inline), vocabulary.ACTIVITIES)
    about = shapes.uri(shapes.one(inline.get("object")))
    if kind is None or kind not in _FOUND or about is None:
        return False
    model, undo, where = _FOUND[kind]
    row = model._default_manager.filter(**where(context, about, inline)).first()
    if row is not None:
        undo(row)
    return row is not None


def _content(inline: Document) -> str:
    return shapes.string(inline.get("content")) or shapes.string(inline.get("_misskey_reaction")) or ""


_Where = Callable[[Context, str, Document], Mapping[str, Any]]
_FOUND: Final[Mapping[str, tuple[type[Model], Callable[[Any], object], _Where]]] = {
    "Follow": (Follow, following.end, lambda c, uri, _: {"follower": c.actor, "followee__uri": uri}),
    "Like": (
        Like,
        likes.undo,
        lambda c, uri, d: {"actor": c.actor, "post__uri": uri, "emoji": like.emoji_in(_content(d))},
    ),
    "EmojiReact": (
        Like,
        likes.undo,
        lambda c, uri, d: {"actor": c.actor, "post__uri": uri, "emoji": _content(d)},
    ),
    "Announce": (Boost, boosts.undo, lambda c, uri, _: {"actor": c.actor, "post__uri": uri}),
    "Block": (Block, blocks.undo, lambda c, uri, _: {"actor": c.actor, "target__uri": uri}),
}
