"""Activities: who does what to which object (ActivityPub §6, §7)."""

from dataclasses import dataclass, field
from datetime import datetime

from activitypub.protocol.documents import shapes, vocabulary
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument
from activitypub.protocol.documents.shapes import Reference
from activitypub.protocol.documents.tags import Tags, tags


@dataclass(frozen=True, slots=True)
class Activity:
    """What an activity says. Nothing here is true yet: `authority` says what its actor may do.

    `type` is one that is known, or else the first that the document has. `objects` are all of them, never
    none; only a Flag means more than the first. `content` is the reason of a Flag, or what an EmojiReact or
    a Like reacts with.
    """

    type: str
    id: str | None
    actor: str
    objects: tuple[Reference, ...]
    to: tuple[str, ...]
    cc: tuple[str, ...]
    audience: tuple[str, ...]
    target: Reference | None
    origin: Reference | None
    instrument: Reference | None
    result: Reference | None
    content: str | None
    tags: Tags
    published: datetime | None
    updated: datetime | None
    raw: Document = field(repr=False)

    @property
    def object(self) -> Reference:
        return self.objects[0]


def looks_like_activity(document: Document) -> bool:
    """Whether a document of unknown type has what makes an activity."""
    return "actor" in document and "object" in document


def activity(document: Document) -> Activity:
    """Return the document as an activity.

    RefusedDocument without type, object, or an actor with a URI of its own; and for two actors, of whom each
    reader might believe another one.
    """
    kinds = shapes.types(document)
    kind = vocabulary.first_of(kinds, vocabulary.ACTIVITIES) or next(iter(kinds), None)
    if kind is None:
        raise RefusedDocument(Refusal.TYPE_MISSING)
    objects = shapes.references(document.get("object"))
    if not objects:
        raise RefusedDocument(Refusal.OBJECT_MISSING)
    return Activity(
        type=kind,
        id=shapes.uri(document),
        actor=only_actor(document),
        objects=objects,
        to=shapes.addressees(document.get("to")),
        cc=shapes.addressees(document.get("cc")),
        audience=shapes.addressees(document.get("audience")),
        target=shapes.reference(document.get("target")),
        origin=shapes.reference(document.get("origin")),
        instrument=shapes.reference(document.get("instrument")),
        result=shapes.reference(document.get("result")),
        content=shapes.string(document.get("content")) or shapes.string(document.get("_misskey_reaction")),
        tags=tags(document.get("tag")),
        published=shapes.moment(document.get("published")),
        updated=shapes.moment(document.get("updated")),
        raw=document,
    )


def only_actor(document: Document) -> str:
    """Return the id of the one actor. RefusedDocument for none, several, or one with a fragment, which no
    server can be asked for."""
    value = document.get("actor")
    found = shapes.uris(value)
    if not found or "#" in found[0]:
        raise RefusedDocument(Refusal.ACTOR_MISSING)
    if len(shapes.many(value)) > 1:
        raise RefusedDocument(Refusal.ACTOR_AMBIGUOUS)
    return found[0]
