"""Undo, as a client posts it. What is undone is named by the id that it was given, or said again."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from django.db.models import Model, Q

from activitypub.errors import ActivityRefused
from activitypub.models import Block, Boost, Follow, Like, LocalActor
from activitypub.outbox.deeds import Deed, Made
from activitypub.outbox.refusals import Reason
from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.refusals import Refusal
from activitypub.services import following, reacting, relations


def prepare(actor: LocalActor, activity: Document) -> Deed:
    """Raises ActivityRefused where the actor has done nothing like it."""
    undone = shapes.reference(activity.get("object"))
    if undone is None:
        raise ActivityRefused(Refusal.OBJECT_MISSING)
    said = undone.inline or {}
    about = shapes.uri(shapes.one(said.get("object")))
    for kind, (model, doer, target, undo) in _UNDONE.items():
        which = Q(uri=undone.id) if undone.id else Q(pk=None)
        if about is not None and kind in shapes.types(said):
            which |= Q(**{f"{target}__uri": about})
        row = model._default_manager.filter(which, **{doer: actor}).select_related(target).first()
        if row is not None:
            return partial(undo, actor, getattr(row, target))
    raise ActivityRefused(Reason.UNDONE)


# Of each kind: its rows, whose column says who did it and to whom or what, and how it is undone.
_UNDONE: Final[Mapping[str, tuple[type[Model], str, str, Callable[[LocalActor, Any], Made]]]] = {
    "Follow": (Follow, "follower", "followee", following.unfollow),
    "Like": (Like, "actor", "post", reacting.unlike),
    "Announce": (Boost, "actor", "post", reacting.unboost),
    "Block": (Block, "actor", "target", relations.unblock),
}
