"""What concerns the actor itself: where it has moved, its other names, who may quote what it publishes, and
what it tells of itself.

An Update of it is partial, as from every client (ActivityPub §6.3): what it does not name stays, and what is
null goes.
"""

from functools import partial
from typing import Final

from activitypub.errors import ActivityRefused
from activitypub.models import LocalActor
from activitypub.outbox import own_profile
from activitypub.outbox.deeds import Deed
from activitypub.outbox.drafts import quotable
from activitypub.outbox.refusals import Reason
from activitypub.protocol import authority
from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.quotes import quote_policy
from activitypub.protocol.documents.reading import Document
from activitypub.services import departing, quoting

ALIASES: Final = "alsoKnownAs"
MOVED: Final = "movedTo"
_NO_CHANGE: Final = frozenset({"@context", "id", "type"})


def concerned(actor_uri: str, document: Document) -> bool:
    """Whether it is about the actor itself: then a person's own device has to ask for it."""
    kinds = shapes.types(document)
    about = shapes.reference(document.get("object"))
    return "Move" in kinds or ("Update" in kinds and about is not None and about.id == actor_uri)


def move(actor: LocalActor, activity: Document) -> Deed:
    """A Move of the actor. Raises ActivityRefused, and as departing.prepare_move."""
    moved = shapes.reference(activity.get("object"))
    target = shapes.reference(activity.get("target"))
    if moved is None or moved.id != actor.uri:
        raise ActivityRefused(authority.Reason.OBJECT_OF_ANOTHER)
    if target is None or target.id is None:
        raise ActivityRefused(authority.Reason.MOVE_NOWHERE)
    return departing.prepare_move(actor, target.id)


def update(actor: LocalActor, document: Document) -> Deed:
    """An Update of the actor: of its other names, of who may quote, of `movedTo`, which only goes, or of what
    it tells of itself.

    Raises ActivityRefused, DRF's ValidationError.
    """
    match sorted(document.keys() - _NO_CHANGE):
        case ["alsoKnownAs"]:
            names = [shapes.uri(name) for name in shapes.many(document[ALIASES])]
            aliases = [name for name in names if name is not None]
            if len(aliases) < len(names):
                raise ActivityRefused(Reason.ALIAS)
            return partial(departing.set_aliases, actor, aliases)
        case ["interactionPolicy"]:
            policy = quote_policy(document)
            if policy is None:
                raise ActivityRefused(Reason.QUOTE_POLICY)
            return partial(quoting.set_policy, actor, *quotable(actor, policy))
        case ["movedTo"] if document[MOVED] is None:
            return partial(departing.come_back, actor)
        case []:
            raise ActivityRefused(Reason.MEMBER)
        case _:
            return own_profile.prepare(actor, document)
