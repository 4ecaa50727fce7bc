"""Any document into what it is."""

from dataclasses import dataclass, field

from activitypub.protocol.documents import shapes, vocabulary
from activitypub.protocol.documents.activities import Activity, activity, looks_like_activity
from activitypub.protocol.documents.actors import RemoteActorDocument, actor
from activitypub.protocol.documents.collections import Collection, collection
from activitypub.protocol.documents.objects import Post, Tombstone, post, tombstone
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument


@dataclass(frozen=True, slots=True)
class Unknown:
    """A document of a type that this server gives no meaning: a chat message, a book, a key package. It is
    kept as it was sent, and nothing of it is left out."""

    types: tuple[str, ...]
    id: str | None
    attributed_to: tuple[str, ...]
    to: tuple[str, ...]
    cc: tuple[str, ...]
    raw: Document = field(repr=False)


Parsed = Activity | RemoteActorDocument | Post | Tombstone | Collection | Unknown


def parse(document: Document) -> Parsed:
    """Return a document, as `reading.read` gave it, as what it is by its type.

    An unknown type with actor and object is an activity. RefusedDocument if it lacks a type, or what its
    type cannot be without.
    """
    kinds = shapes.types(document)
    if not kinds:
        raise RefusedDocument(Refusal.TYPE_MISSING)
    if vocabulary.first_of(kinds, vocabulary.ACTIVITIES):
        return activity(document)
    if vocabulary.first_of(kinds, vocabulary.ACTORS):
        return actor(document)
    if vocabulary.first_of(kinds, vocabulary.POSTS):
        return post(document)
    if vocabulary.TOMBSTONE in kinds:
        return tombstone(document)
    if vocabulary.first_of(kinds, vocabulary.COLLECTIONS):
        return collection(document)
    if looks_like_activity(document):
        return activity(document)
    return Unknown(
        types=kinds,
        id=shapes.uri(document),
        attributed_to=shapes.uris(document.get("attributedTo")),
        to=shapes.addressees(document.get("to")),
        cc=shapes.addressees(document.get("cc")),
        raw=document,
    )
