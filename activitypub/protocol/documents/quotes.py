"""Quotes: which object a post quotes, and by whose leave (FEP-044f, FEP-e232)."""

from dataclasses import dataclass
from typing import Final

from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.tags import Tags

# In the order of how much they say: the proposal's own word, then those of before it.
_NAMES: Final = ("quote", "quoteUrl", "quoteUri", "_misskey_quote")


@dataclass(frozen=True, slots=True)
class Quote:
    """`authorization` is the stamp of the quoted author, to be fetched from that author's server. Without
    one, the author of the quote says by itself that it may."""

    uri: str
    authorization: str | None


def quote(document: Document, tags: Tags) -> Quote | None:
    """Return what the document quotes."""
    authorization = shapes.uri(shapes.one(document.get("quoteAuthorization")))
    for name in _NAMES:
        uri = shapes.uri(shapes.one(document.get(name)))
        if uri is not None:
            return Quote(uri, authorization)
    for link in tags.objects:
        # A link that says what it is may be anything else; one that says nothing is what Akkoma makes
        # of a quote.
        if not link.rel or any(rel.endswith("_misskey_quote") for rel in link.rel):
            return Quote(link.href, authorization)
    return None
