"""Whom and what a client means: rows, fetched where they are elsewhere and not known yet."""

from collections.abc import Iterable

from activitypub.errors import ActivityRefused, UnknownActor, UnknownPost, UnknownRecipient
from activitypub.fetching.errors import NotFetched
from activitypub.models import Actor, LocalActor, Post
from activitypub.outbox.refusals import Reason
from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.refusals import Refusal
from activitypub.protocol.documents.shapes import Reference
from activitypub.queries.posts import seen
from activitypub.remote import handles, posts

MOST_RECIPIENTS = 50


def name_of(reference: Reference | None) -> str:
    """The id of what an activity is about. Raises ActivityRefused where it has none."""
    if reference is None or reference.id is None:
        raise ActivityRefused(Refusal.OBJECT_MISSING)
    return reference.id


def actor_of(activity: Document) -> Actor:
    """The actor that an activity is about. Raises ActivityRefused, UnknownActor."""
    return actor_at(name_of(shapes.reference(activity.get("object"))))


def post_of(viewer: LocalActor, activity: Document) -> Post:
    """The post that an activity is about. Raises ActivityRefused, UnknownPost."""
    return post_at(viewer, name_of(shapes.reference(activity.get("object"))))


def actor_at(uri: str) -> Actor:
    """The actor with this id. Raises UnknownActor."""
    try:
        return handles.row_at(uri)
    except NotFetched:
        raise UnknownActor from None


def recipients(uris: Iterable[str]) -> list[Actor]:
    """The actors with these ids. Raises UnknownRecipient for one that is none, as a collection is, and
    ActivityRefused for too many."""
    named = list(dict.fromkeys(uris))
    if len(named) > MOST_RECIPIENTS:
        raise ActivityRefused(Reason.TOO_MANY)
    try:
        return [handles.row_at(uri) for uri in named]
    except NotFetched:
        raise UnknownRecipient from None


def post_at(viewer: LocalActor, uri: str) -> Post:
    """The post with this id, if the viewer may see it. Raises UnknownPost."""
    try:
        return seen(viewer, uri)
    except UnknownPost:
        try:
            posts.resolve(uri)
        except NotFetched:
            raise UnknownPost from None
    return seen(viewer, uri)
