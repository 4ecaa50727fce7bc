"""Who may do what: the rules that hold before an activity has any effect.

A signature says which actor speaks. An activity may change only what is its actor's; an object of another
origin, or of another actor, is never believed from the one who brings it but fetched from its own server
(FEP-fe34). Each rule returns the reason against, or None; what depends on what this server knows is an
argument.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from activitypub.protocol.documents import keys, shapes, vocabulary
from activitypub.protocol.documents.activities import Activity
from activitypub.protocol.documents.quotes import QuoteAuthorization
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.uris import same_origin, without_fragment


class Reason(StrEnum):
    ID_MISSING = "activity_id_missing"
    ID_ELSEWHERE = "activity_id_of_another_origin"
    ACTOR_NOT_SIGNER = "actor_is_not_the_signer"
    OBJECT_ID_MISSING = "object_id_missing"
    OBJECT_ELSEWHERE = "object_of_another_origin"
    OBJECT_OF_ANOTHER = "object_of_another_actor"
    ATTRIBUTED_ELSEWHERE = "object_attributed_to_another_origin"
    UNDONE_BY_ANOTHER = "undone_by_another_actor"
    ANSWERED_BY_ANOTHER = "answered_by_another_actor"
    NEVER_ASKED = "answer_to_nothing_asked"
    INSTRUMENT_ELSEWHERE = "instrument_of_another_origin"
    COLLECTION_OF_ANOTHER = "collection_of_another_actor"
    MOVE_NOWHERE = "move_without_another_target"
    MOVE_NOT_CONFIRMED = "move_target_does_not_name_the_actor"
    STAMP_OF_ANOTHER = "quote_authorization_by_another_actor"
    STAMP_FOR_OTHERS = "quote_authorization_for_other_objects"
    STAMP_MISSING = "quote_authorization_missing"
    STAMP_REVOKED = "quote_authorization_revoked"
    KEY_OF_ANOTHER = "key_of_another_actor"
    FETCHED_ELSEWHERE = "document_of_another_address"


@dataclass(frozen=True, slots=True)
class Believe:
    """The object as it was brought."""

    document: Document = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fetch:
    """Nothing of what was brought; the object is what its own server says at this address."""

    uri: str


@dataclass(frozen=True, slots=True)
class Refuse:
    reason: Reason


Brought = Believe | Fetch | Refuse


# ---- what an activity may be at all -------------------------------------------------------------


def against(activity: Activity, signer: str) -> Reason | None:
    """Return why this activity, signed by that actor, may have no effect whatever is known of its object."""
    if activity.actor != signer:
        return Reason.ACTOR_NOT_SIGNER
    # Without an id the same activity could come any number of times.
    if activity.id is None:
        return Reason.ID_MISSING
    if not same_origin(activity.id, activity.actor):
        return Reason.ID_ELSEWHERE
    rule = _RULES.get(activity.type)
    return rule(activity) if rule else None


def _undo(activity: Activity) -> Reason | None:
    undone = activity.object
    if undone.inline is not None and "actor" in undone.inline:
        if shapes.uris(undone.inline["actor"]) != (activity.actor,):
            return Reason.UNDONE_BY_ANOTHER
    elif undone.id is None:
        return Reason.OBJECT_ID_MISSING
    if undone.id is not None and not same_origin(undone.id, activity.actor):
        return Reason.UNDONE_BY_ANOTHER
    return None


def _answer(activity: Activity) -> Reason | None:
    request = activity.object.inline
    if request is None:
        return None
    asked = shapes.uri(shapes.one(request.get("object")))
    if "Follow" in shapes.types(request):
        return None if asked == activity.actor else Reason.ANSWERED_BY_ANOTHER
    # What else is asked for, to quote or to join, is asked about an object of the one who answers.
    return None if asked and same_origin(asked, activity.actor) else Reason.ANSWERED_BY_ANOTHER


def _delete(activity: Activity) -> Reason | None:
    deleted = activity.object
    if deleted.id is None:
        return Reason.OBJECT_ID_MISSING
    if not same_origin(deleted.id, activity.actor):
        return Reason.OBJECT_ELSEWHERE
    kinds = shapes.types(deleted.inline or {})
    if vocabulary.first_of(kinds, vocabulary.ACTORS) and deleted.id != activity.actor:
        return Reason.OBJECT_OF_ANOTHER
    return None


def _move(activity: Activity) -> Reason | None:
    if activity.object.id != activity.actor:
        return Reason.OBJECT_OF_ANOTHER
    target = activity.target.id if activity.target else None
    return Reason.MOVE_NOWHERE if target is None or target == activity.actor else None


def _add_or_remove(activity: Activity) -> Reason | None:
    target = activity.target.id if activity.target else None
    if target is None or not same_origin(target, activity.actor):
        return Reason.COLLECTION_OF_ANOTHER
    return None


def _request(activity: Activity) -> Reason | None:
    instrument = activity.instrument.id if activity.instrument else None
    if instrument is None or not same_origin(instrument, activity.actor):
        return Reason.INSTRUMENT_ELSEWHERE
    return None


def _of_brought(activity: Activity) -> Reason | None:
    verdict = brought(activity)
    return verdict.reason if isinstance(verdict, Refuse) else None


_RULES: Final[Mapping[str, Callable[[Activity], Reason | None]]] = {
    "Accept": _answer,
    "Add": _add_or_remove,
    "Announce": _of_brought,
    "Create": _of_brought,
    "Delete": _delete,
    "Move": _move,
    "QuoteRequest": _request,
    "Reject": _answer,
    "Remove": _add_or_remove,
    "ReplyRequest": _request,
    "Undo": _undo,
    "Update": _of_brought,
}


# ---- what comes with an activity ----------------------------------------------------------------


def brought(activity: Activity) -> Brought:
    """Return what is to be made of the object of a Create, an Update or an Announce."""
    match activity.type:
        case "Announce":
            return _announced(activity)
        case "Update":
            return _updated(activity)
        case _:
            return _created(activity)


def _created(activity: Activity) -> Brought:
    name, document = activity.object.id, activity.object.inline
    if name is None:
        return Refuse(Reason.OBJECT_ID_MISSING)
    if document is None or not same_origin(name, activity.actor):
        return Fetch(name)
    authors = shapes.uris(document.get("attributedTo"))
    if not authors or activity.actor in authors:
        return Believe(document)
    if not same_origin(name, *authors):
        return Refuse(Reason.ATTRIBUTED_ELSEWHERE)
    # Mobilizon's people publish in the name of their groups: whether they may, their server knows.
    return Fetch(name)


def _updated(activity: Activity) -> Brought:
    name, document = activity.object.id, activity.object.inline
    if name is None:
        return Refuse(Reason.OBJECT_ID_MISSING)
    if not same_origin(name, activity.actor):
        return Refuse(Reason.OBJECT_ELSEWHERE)
    if document is None:
        return Fetch(name)
    authors = shapes.uris(document.get("attributedTo"))
    if vocabulary.first_of(shapes.types(document), vocabulary.ACTORS):
        own = name == activity.actor  # a group's attributedTo are its moderators
    else:
        own = not authors or activity.actor in authors
    return Believe(document) if own else Refuse(Reason.OBJECT_OF_ANOTHER)


def _announced(activity: Activity) -> Brought:
    """What is announced is another's, so nothing of it is believed. Lemmy's groups announce activities:
    of those that bring or end an object the object is asked for, else the activity."""
    name, document = activity.object.id, activity.object.inline
    if document is not None and {"Create", "Update", "Delete"}.intersection(shapes.types(document)):
        name = shapes.uri(shapes.one(document.get("object"))) or name
    return Refuse(Reason.OBJECT_ID_MISSING) if name is None else Fetch(name)


# ---- what depends on what this server knows -----------------------------------------------------


def against_change(activity: Activity, owner: str) -> Reason | None:
    """Return why the activity may not change or end an object that this server holds as the owner's."""
    return None if owner == activity.actor else Reason.OBJECT_OF_ANOTHER


def against_answer(activity: Activity, asked: str | None) -> Reason | None:
    """Return why an Accept or Reject has no effect, where `asked` is the actor to whom the request that it
    names was sent, or None if none was."""
    if asked is None:
        return Reason.NEVER_ASKED
    return None if asked == activity.actor else Reason.ANSWERED_BY_ANOTHER


def against_pin(activity: Activity, featured: str | None) -> Reason | None:
    """Return why an Add or Remove pins nothing, where `featured` is the actor's own collection."""
    target = activity.target.id if activity.target else None
    return None if target is not None and target == featured else Reason.COLLECTION_OF_ANOTHER


def against_move(activity: Activity, target: str, also_known_as: Collection[str]) -> Reason | None:
    """Return why followers are not moved, where the last two are id and aliases of the target's document as
    it was fetched just now."""
    if activity.target is None or activity.target.id != target:
        return Reason.MOVE_NOWHERE
    return None if activity.actor in also_known_as else Reason.MOVE_NOT_CONFIRMED


def against_stamp(stamp: QuoteAuthorization, quoting: str, quoted: str, author: str) -> Reason | None:
    """Return why a stamp, fetched from its own address, does not let one object quote the other, which is the
    author's."""
    if stamp.attributed_to != author or not same_origin(stamp.id, author):
        return Reason.STAMP_OF_ANOTHER
    named = (stamp.interacting_object, stamp.interaction_target)
    return None if named == (quoting, quoted) else Reason.STAMP_FOR_OTHERS


def against_key(actor: str, key_id: str, owner: str) -> Reason | None:
    """Return why a key that names this owner does not speak for the actor."""
    return None if keys.is_own(actor, key_id, owner) else Reason.KEY_OF_ANOTHER


def against_fetched(name: str | None, authors: Collection[str], address: str) -> Reason | None:
    """Return why a document that came from an address is not what stands there: its id is another one, or its
    authors (or its actor, if it is an activity) are of another origin."""
    if name is None or name != without_fragment(address):
        return Reason.FETCHED_ELSEWHERE
    return None if same_origin(name, *authors) else Reason.ATTRIBUTED_ELSEWHERE
