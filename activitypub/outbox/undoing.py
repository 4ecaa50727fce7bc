"""Undo, as a client posts it. What is undone is named by the id that it was given, or said again."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.db.models import Model, Q

from activitypub.errors import ActivityRefused
from activitypub.models import Block, Boost, Follow, HostBlock, Like, LocalActor, Mute
from activitypub.outbox.deeds import Deed, Made
from activitypub.outbox.refusals import Reason
from activitypub.outbox.unwanted import host_at
from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.refusals import Refusal
from activitypub.services import following, host_blocks, muting, reacting, relations

_NOTHING: Final = Q(pk=None)
_NUMBER: Final = re.compile(r"[0-9]{1,19}")
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True)
class _Kind:
    """An activity that can be undone, and the rows that come of it. `doer` is the column of who did it,
    `about` of what it is done to; `said` finds rows by the activity said again, `named` by its id."""

    name: str
    model: type[Model]
    undo: Callable[[LocalActor, Any], Made]
    said: Callable[[Document, str], Q]
    about: tuple[str, ...] = ("target",)
    doer: str = "actor"
    named: Callable[[LocalActor, str], Q] = lambda actor, uri: Q(uri=uri)


def prepare(actor: LocalActor, activity: Document) -> Deed:
    """Raises ActivityRefused where the actor has done nothing like it."""
    undone = shapes.reference(activity.get("object"))
    if undone is None:
        raise ActivityRefused(Refusal.OBJECT_MISSING)
    said = undone.inline or {}
    about = shapes.uri(shapes.one(said.get("object")))
    for kind in _KINDS:
        which = kind.named(actor, undone.id) if undone.id else _NOTHING
        if about is not None and kind.name in shapes.types(said):
            which |= kind.said(said, about)
        rows = kind.model._default_manager.filter(which, **{kind.doer: actor}).select_related(*kind.about)
        if (row := rows.first()) is not None:
            return partial(kind.undo, actor, row)
    raise ActivityRefused(Reason.UNDONE)


def _by_row(actor: LocalActor, uri: str) -> Q:
    """Of what nobody was told, the id is the row's."""
    before, _, number = uri.rpartition("/")
    is_one = before == f"{actor.uri}/objects" and _NUMBER.fullmatch(number) and int(number) <= _LARGEST
    return Q(pk=int(number)) if is_one else _NOTHING


def _host(said: Document, uri: str) -> Q:
    host = host_at(uri)
    return Q(host=host.authority) if host is not None else _NOTHING


def _unlike(actor: LocalActor, row: Like) -> Made:
    return reacting.unlike(actor, row.post, row.emoji)


# Activities of two kinds may be of one name, so this is no mapping.
_KINDS: Final = (
    _Kind(
        "Follow",
        Follow,
        lambda actor, row: following.unfollow(actor, row.followee),
        lambda said, uri: Q(followee__uri=uri),
        about=("followee",),
        doer="follower",
    ),
    _Kind("Like", Like, _unlike, lambda said, uri: Q(post__uri=uri, emoji=""), about=("post__author",)),
    _Kind(
        "EmojiReact",
        Like,
        _unlike,
        lambda said, uri: Q(post__uri=uri, emoji=shapes.string(said.get("content")) or "-"),
        about=("post__author",),
    ),
    _Kind(
        "Announce",
        Boost,
        lambda actor, row: reacting.unboost(actor, row.post),
        lambda said, uri: Q(post__uri=uri),
        about=("post__author",),
    ),
    _Kind(
        "Block",
        Block,
        lambda actor, row: relations.unblock(actor, row.target),
        lambda said, uri: Q(target__uri=uri),
    ),
    _Kind("Block", HostBlock, host_blocks.unblock_host, _host, about=("actor",), named=_by_row),
    _Kind("Ignore", Mute, muting.unmute, lambda said, uri: Q(target__uri=uri), named=_by_row),
)
