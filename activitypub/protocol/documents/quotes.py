"""Quotes: which object a post quotes, and by whose leave (FEP-044f, FEP-e232)."""

from collections.abc import Collection
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


@dataclass(frozen=True, slots=True)
class QuotePolicy:
    """Whom an author lets quote: at once, or after being asked. Both name actors, collections of the author's
    own, or everybody."""

    automatic: tuple[str, ...]
    manual: tuple[str, ...]

    def answer(self, names: Collection[str]) -> bool | None:
        """Return whether one who goes by these names may quote: True, False, or None where the author is to
        decide. `names` are the actor, the collections of the author's in which it is, and everybody."""
        if not set(names).isdisjoint(self.automatic):
            return True
        return None if not set(names).isdisjoint(self.manual) else False


@dataclass(frozen=True, slots=True)
class QuoteAuthorization:
    """The stamp: who lets which object quote which. Whether it may say so, `authority` knows."""

    id: str
    attributed_to: str
    interacting_object: str
    interaction_target: str


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


def quote_policy(document: Document) -> QuotePolicy | None:
    """Return whom the author of this document lets quote it, or None if it says nothing of quotes."""
    policy = shapes.one(shapes.mapping(document.get("interactionPolicy")).get("canQuote"))
    if not isinstance(policy, dict):
        return None
    return QuotePolicy(
        automatic=shapes.addressees(policy.get("automaticApproval")),
        manual=shapes.addressees(policy.get("manualApproval")),
    )


def quote_authorization(document: Document) -> QuoteAuthorization | None:
    """Return the document as a stamp, or None if it is none or lacks a part."""
    name = shapes.uri(document)
    by = shapes.uri(shapes.one(document.get("attributedTo")))
    quoting = shapes.uri(shapes.one(document.get("interactingObject")))
    quoted = shapes.uri(shapes.one(document.get("interactionTarget")))
    if "QuoteAuthorization" not in shapes.types(document) or not (name and by and quoting and quoted):
        return None
    return QuoteAuthorization(name, by, quoting, quoted)
