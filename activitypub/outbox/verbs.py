"""What each type of activity does that a client posts.

A verb looks up all that is meant, on other servers too, and returns the deed: what is then done in one
transaction, and returns the activity as it was made. Nothing of what the client wrote goes out as it is: each
document is made anew from rows.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from django.db.models import Q

from accounts import throttle
from activitypub import rendering
from activitypub.errors import ActivityRefused, NotYours
from activitypub.models import Actor, LocalActor
from activitypub.outbox import asking, collecting, finding, own_actor, reporting, undoing, unwanted
from activitypub.outbox.deeds import Deed
from activitypub.outbox.drafts import TYPES, draft, require_own, vote_of
from activitypub.outbox.refusals import Reason
from activitypub.post_columns import VISIBILITIES
from activitypub.protocol import visibility as addressing
from activitypub.protocol.documents import shapes, vocabulary
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.refusals import Refusal
from activitypub.protocol.emoji import is_emoji
from activitypub.protocol.visibility import visibility
from activitypub.services import (
    editing,
    following,
    polls,
    publishing,
    quote_answers,
    reacting,
)

Verb = Callable[[LocalActor, Document], Deed]


def prepare(actor: LocalActor, document: Document) -> Deed:
    """What a client of this actor posts, an activity or a bare object that is to be created, as a deed.

    Raises, as the deed does, ActivityRefused and other Problems of activitypub.errors, DRF's ValidationError,
    and RateLimited.
    """
    require_own(actor, document)
    kinds = shapes.types(document)
    verb = next((VERBS[kind] for kind in kinds if kind in VERBS), None)
    if verb is not None:
        return verb(actor, document)
    if vocabulary.first_of(kinds, frozenset(TYPES)):
        return _create(actor, {"object": document})
    raise ActivityRefused(Reason.TYPE)


def _create(actor: LocalActor, activity: Document) -> Deed:
    document = _inline(activity)
    vote = vote_of(actor, document)
    if vote is not None and vote.in_reply_to and vote.name:
        return partial(polls.vote, actor, finding.post_at(actor, vote.in_reply_to), vote.name.value)
    throttle.posted(str(actor.account_id))
    publish = publishing.prepare_post(actor, draft(actor, document, activity))
    return lambda: publish().activity


def _update(actor: LocalActor, activity: Document) -> Deed:
    document = _inline(activity)
    if shapes.uri(document) == actor.uri:
        return own_actor.update(actor, document)
    post = finding.post_at(actor, finding.name_of(shapes.reference(document)))
    if post.author_id != actor.pk:
        raise NotYours
    if post.type not in shapes.types(document):
        raise ActivityRefused(Reason.UPDATED)
    edit = editing.prepare_edit(actor, post, draft(actor, document, {}, new=False))
    return lambda: edit().activity


def _delete(actor: LocalActor, activity: Document) -> Deed:
    if deed := asking.deletion(actor, activity):
        return deed
    return partial(editing.delete_post, actor, finding.post_of(actor, activity))


def _follow(actor: LocalActor, activity: Document) -> Deed:
    target = finding.actor_of(activity)
    return lambda: rendering.follow_document(following.follow(actor, target))


def _accept(actor: LocalActor, activity: Document) -> Deed:
    if asked := asking.answered(actor, activity):
        return partial(quote_answers.accept, actor, asked)
    return partial(following.answer, actor, _asked(actor, activity), accepted=True)


def _reject(actor: LocalActor, activity: Document) -> Deed:
    if asked := asking.answered(actor, activity):
        return partial(quote_answers.reject, actor, asked)
    return partial(following.answer, actor, _asked(actor, activity), accepted=False)


def _like(actor: LocalActor, activity: Document) -> Deed:
    return partial(reacting.like, actor, finding.post_of(actor, activity))


def _announce(actor: LocalActor, activity: Document) -> Deed:
    to, cc = (shapes.addressees(activity.get(name)) for name in ("to", "cc"))
    # What says nothing of whom it is for is for everybody: a boost is there to be seen.
    named = visibility(to, cc, actor.followers) if to or cc else addressing.Visibility.PUBLIC
    return partial(reacting.boost, actor, finding.post_of(actor, activity), VISIBILITIES[named])


def _react(actor: LocalActor, activity: Document) -> Deed:
    emoji = shapes.string(activity.get("content")) or ""
    if not is_emoji(emoji):
        raise ActivityRefused(Reason.EMOJI)
    return partial(reacting.like, actor, finding.post_of(actor, activity), emoji)


def _inline(activity: Document) -> Document:
    found = shapes.reference(activity.get("object"))
    if found is None or found.inline is None:
        raise ActivityRefused(Refusal.OBJECT_MISSING)
    return found.inline


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
    "Add": collecting.add,
    "Announce": _announce,
    "Block": unwanted.block,
    "Create": _create,
    "Delete": _delete,
    "EmojiReact": _react,
    "Flag": reporting.prepare,
    "Follow": _follow,
    "Ignore": unwanted.ignore,
    "Like": _like,
    "Move": own_actor.move,
    "Reject": _reject,
    "Remove": collecting.remove,
    "Undo": undoing.prepare,
    "Update": _update,
}
