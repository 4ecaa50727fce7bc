"""Add and Remove, as a client posts them: what a person shows first, and what they keep for themselves."""

from functools import partial

from activitypub.errors import ActivityRefused
from activitypub.models import LocalActor
from activitypub.outbox import finding
from activitypub.outbox.deeds import Deed
from activitypub.outbox.refusals import Reason
from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.local_uris import bookmarks_of
from activitypub.services import bookmarks, pinning


def add(actor: LocalActor, activity: Document) -> Deed:
    """Raises ActivityRefused, UnknownPost."""
    if _is_for_bookmarks(actor, activity):
        return partial(bookmarks.keep, actor, finding.post_of(actor, activity))
    return partial(pinning.pin, actor, finding.post_of(actor, activity))


def remove(actor: LocalActor, activity: Document) -> Deed:
    """Raises ActivityRefused, UnknownPost."""
    if _is_for_bookmarks(actor, activity):
        # By its id alone: whether it can be seen still does not matter.
        return partial(bookmarks.drop, actor, finding.name_of(shapes.reference(activity.get("object"))))
    return partial(pinning.unpin, actor, finding.post_of(actor, activity))


def _is_for_bookmarks(actor: LocalActor, activity: Document) -> bool:
    """Or else for `featured`."""
    target = shapes.uri(shapes.one(activity.get("target")))
    if target not in (actor.featured, bookmarks_of(actor.uri)):
        raise ActivityRefused(Reason.TARGET)
    return target != actor.featured
