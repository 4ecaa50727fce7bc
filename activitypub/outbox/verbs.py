"""What each type of activity does that a client posts. A verb returns the activity as it was made.

Nothing of what the client wrote goes out as it is: each document is made anew from rows.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db.models import Model, Q

from activitypub import rendering
from activitypub.errors import ActivityRefused, NotYours
from activitypub.models import Actor, Block, Boost, Follow, Like, LocalActor, Post
from activitypub.outbox import finding
from activitypub.outbox.drafts import TYPES, draft, require_own, vote_of
from activitypub.outbox.refusals import Reason
from activitypub.post_columns import VISIBILITIES
from activitypub.protocol import visibility as addressing
from activitypub.protocol.documents import shapes, vocabulary
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.refusals import Refusal
from activitypub.protocol.visibility import visibility
from activitypub.services import editing, following, pinning, polls, publishing, reacting, relations

Made = Mapping[str, Any]
Verb = Callable[[LocalActor, Document], Made]


def submit(actor: LocalActor, document: Document) -> Made:
    """Do what a client of this actor posts: an activity, or a bare object that is to be created.

    Raises ActivityRefused and other Problems of activitypub.errors, and DRF's ValidationError.
    """
    require_own(actor, document)
    kinds = shapes.types(document)
    verb = next((VERBS[kind] for kind in kinds if kind in VERBS), None)
    if verb is not None:
        return verb(actor, document)
    if vocabulary.first_of(kinds, frozenset(TYPES)):
        return _create(actor, {"object": document})
    raise ActivityRefused(Reason.TYPE)


def _create(actor: LocalActor, activity: Document) -> Made:
    document = _inline(activity)
    vote = vote_of(actor, document)
    if vote is not None and vote.in_reply_to and vote.name:
        return polls.vote(actor, finding.post_at(actor, vote.in_reply_to), vote.name.value)
    return publishing.create_post(actor, draft(actor, document, activity)).activity


def _update(actor: LocalActor, activity: Document) -> Made:
    document = _inline(activity)
    post = finding.post_at(actor, finding.name_of(shapes.reference(document)))
    if post.author_id != actor.pk:
        raise NotYours
    if post.type not in shapes.types(document):
        raise ActivityRefused(Reason.UPDATED)
    # What it answers is not changed, so it is not looked for.
    written = {name: value for name, value in document.items() if name != "inReplyTo"}
    return editing.edit_post(actor, post, draft(actor, written, {})).activity


def _delete(actor: LocalActor, activity: Document) -> Made:
    return editing.delete_post(actor, _post(actor, activity))


def _follow(actor: LocalActor, activity: Document) -> Made:
    return rendering.follow_document(following.follow(actor, _actor(activity)))


def _accept(actor: LocalActor, activity: Document) -> Made:
    return following.answer(actor, _asked(actor, activity), accepted=True)


def _reject(actor: LocalActor, activity: Document) -> Made:
    return following.answer(actor, _asked(actor, activity), accepted=False)


def _like(actor: LocalActor, activity: Document) -> Made:
    return reacting.like(actor, _post(actor, activity))


def _announce(actor: LocalActor, activity: Document) -> Made:
    to, cc = (shapes.addressees(activity.get(name)) for name in ("to", "cc"))
    # What says nothing of whom it is for is for everybody: a boost is there to be seen.
    named = visibility(to, cc, actor.followers) if to or cc else addressing.Visibility.PUBLIC
    return reacting.boost(actor, _post(actor, activity), VISIBILITIES[named])


def _block(actor: LocalActor, activity: Document) -> Made:
    return relations.block(actor, _actor(activity))


def _add(actor: LocalActor, activity: Document) -> Made:
    _require_featured(actor, activity)
    return pinning.pin(actor, _post(actor, activity))


def _remove(actor: LocalActor, activity: Document) -> Made:
    _require_featured(actor, activity)
    return pinning.unpin(actor, _post(actor, activity))


def _undo(actor: LocalActor, activity: Document) -> Made:
    """What is undone is named by the id that it was given, or said again."""
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
            return undo(actor, getattr(row, target))
    raise ActivityRefused(Reason.UNDONE)


def _require_featured(actor: LocalActor, activity: Document) -> None:
    if shapes.uri(shapes.one(activity.get("target"))) != actor.featured:
        raise ActivityRefused(Reason.TARGET)


def _inline(activity: Document) -> Document:
    found = shapes.reference(activity.get("object"))
    if found is None or found.inline is None:
        raise ActivityRefused(Refusal.OBJECT_MISSING)
    return found.inline


def _actor(activity: Document) -> Actor:
    return finding.actor_at(finding.name_of(shapes.reference(activity.get("object"))))


def _post(actor: LocalActor, activity: Document) -> Post:
    return finding.post_at(actor, finding.name_of(shapes.reference(activity.get("object"))))


def _asked(actor: LocalActor, activity: Document) -> Actor:
    """Who sent the Follow that is answered: named by its id, or said again."""
    asked = shapes.reference(activity.get("object"))
    if asked is None:
        raise ActivityRefused(Refusal.OBJECT_MISSING)
    which = Q(uri=asked.id) if asked.id else Q(pk=None)
    if asked.inline is not None and (by := shapes.uri(shapes.one(asked.inline.get("actor")))):
        which |= Q(follower__uri=by)
    return following.named(which & Q(followee_id=actor.pk)).follower


VERBS: Final[Mapping[str, Verb]] = {
    "Accept": _accept,
    "Add": _add,
    "Announce": _announce,
    "Block": _block,
    "Create": _create,
    "Delete": _delete,
    "Follow": _follow,
    "Like": _like,
    "Reject": _reject,
    "Remove": _remove,
    "Undo": _undo,
    "Update": _update,
}
# Of each kind: its rows, whose column says who did it and to whom or what, and how it is undone.
_UNDONE: Final[Mapping[str, tuple[type[Model], str, str, Callable[[LocalActor, Any], Made]]]] = {
    "Follow": (Follow, "follower", "followee", following.unfollow),
    "Like": (Like, "actor", "post", reacting.unlike),
    "Announce": (Boost, "actor", "post", reacting.unboost),
    "Block": (Block, "actor", "target", relations.unblock),
}
