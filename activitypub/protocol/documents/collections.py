"""Collections and their pages: followers, outboxes, pins, replies."""

from dataclasses import dataclass, field

from activitypub.protocol.documents import shapes, vocabulary
from activitypub.protocol.documents.reading import MAX_ITEMS, Document
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument
from activitypub.protocol.documents.shapes import Reference


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection or one page of it. `items` are those that stand here; `next` leads to more. An inline item
    of another origin than the collection's is no evidence of itself."""

    type: str
    id: str | None
    ordered: bool
    total_items: int | None
    items: tuple[Reference, ...]
    first: Reference | None
    next: str | None
    previous: str | None
    part_of: str | None
    attributed_to: str | None
    raw: Document = field(repr=False)

    @property
    def is_page(self) -> bool:
        return self.type.endswith("Page")


def collection(document: Document) -> Collection:
    """Return the document as a collection. It may lack an id, where it stands inline in another document."""
    kind = vocabulary.first_of(shapes.types(document), vocabulary.COLLECTIONS)
    if kind is None:
        raise RefusedDocument(Refusal.TYPE_MISSING)
    items = document.get("orderedItems")
    return Collection(
        type=kind,
        id=shapes.uri(document),
        ordered=kind.startswith("Ordered"),
        total_items=shapes.count(document.get("totalItems")),
        items=shapes.references(document.get("items") if items is None else items, MAX_ITEMS),
        first=shapes.reference(document.get("first")),
        next=shapes.uri(shapes.one(document.get("next"))),
        previous=shapes.uri(shapes.one(document.get("prev"))),
        part_of=shapes.uri(shapes.one(document.get("partOf"))),
        attributed_to=shapes.uri(shapes.one(document.get("attributedTo"))),
        raw=document,
    )
