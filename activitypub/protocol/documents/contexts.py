"""What an `@context` may say, to a reader that expands none.

We read ActivityStreams' words by their plain names and load no context, as the specification allows
(Activity Streams 2.0 §2.1). A context may then add words, but not give ours another meaning or a second
name: a document that a JSON-LD reader takes for something else than we do says two things, so it says
nothing. What stands in a context of another address is not looked at: nobody but the document's own
sender is misread by it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from activitypub.protocol.documents.refusals import Refusal, RefusedDocument

AS: Final = "https://www.w3.org/ns/activitystreams#"
SEC: Final = "https://w3id.org/security#"
LDP: Final = "http://www.w3.org/ns/ldp#"

# How often one name of a context may stand for another.
MAX_STEPS: Final = 4
# Of Mobilizon, which defines the most, a context has 60.
MAX_DEFINITIONS: Final = 512

_AS_TERMS: Final = (
    "Accept", "Add", "Announce", "Block", "Create", "Delete", "Dislike", "Flag", "Follow", "Like",
    "Move", "Reject", "Remove", "Undo", "Update", "Application", "Group", "Organization", "Person",
    "Service", "Article", "Audio", "Document", "Event", "Image", "Note", "Page", "Question",
    "Tombstone", "Video", "Link", "Mention", "Collection", "CollectionPage", "OrderedCollection",
    "OrderedCollectionPage", "Public",
    "actor", "object", "target", "origin", "result", "instrument", "to", "cc", "bto", "bcc",
    "audience", "attributedTo", "inReplyTo", "content", "name", "summary", "url", "href", "rel",
    "mediaType", "icon", "image", "attachment", "tag", "replies", "published", "updated",
    "startTime", "endTime", "duration", "oneOf", "anyOf", "closed", "deleted", "formerType",
    "items", "first", "next", "prev", "last", "partOf", "totalItems", "outbox", "followers",
    "following", "preferredUsername", "endpoints", "sharedInbox", "alsoKnownAs", "movedTo",
)  # fmt: skip
_SEC_TERMS: Final = (
    "publicKey", "owner", "publicKeyPem", "assertionMethod", "controller", "publicKeyMultibase",
    "Multikey", "proof", "proofValue", "verificationMethod",
)  # fmt: skip

# Our words, and what each means.
_MEANINGS: Final[Mapping[str, str]] = {
    **{term: AS + term for term in _AS_TERMS},
    **{term: SEC + term for term in _SEC_TERMS},
    "as": AS,
    "sec": SEC,
    "ldp": LDP,
    "id": "@id",
    "type": "@type",
    "inbox": LDP + "inbox",
    "orderedItems": AS + "items",
    "contentMap": AS + "content",
    "nameMap": AS + "name",
    "summaryMap": AS + "summary",
}
# Those by which it is decided who may do what. None of them has a second name.
_DECISIVE: Final = frozenset(
    _MEANINGS[term]
    for term in (
        "id",
        "type",
        "actor",
        "object",
        "target",
        "attributedTo",
        "publicKey",
        "owner",
        "controller",
    )
)
# Words of JSON-LD that say something of an object from outside it, or put several in the place of one.
_KEYWORDS: Final = frozenset({"@graph", "@reverse", "@included", "@nest"})


def check(document: Mapping[str, Any]) -> None:
    """RefusedDocument if a context in this document, at any depth, changes what our words mean.

    The document is one that was read: its depth is bounded.
    """
    level: list[Any] = [document]
    while level:
        below: list[Any] = []
        for container in level:
            if type(container) is dict:
                if "@context" in container:
                    _check_context(container["@context"])
                if not _KEYWORDS.isdisjoint(container) or (
                    ("@id" in container and "id" in container)
                    or ("@type" in container and "type" in container)
                ):
                    raise RefusedDocument(Refusal.KEYWORD)
                below.extend(
                    value
                    for name, value in container.items()
                    if (type(value) is dict or type(value) is list) and name != "@context"
                )
            else:
                below.extend(value for value in container if type(value) is dict or type(value) is list)
        level = below


def language_of(document: Mapping[str, Any]) -> str | None:
    """Return the language that the document's own context gives its texts, if it gives one."""
    language = None
    for context in _inline(document.get("@context")):
        given = context.get("@language", language)
        language = given if isinstance(given, str) else None
    return language


def _inline(context: Any) -> Iterator[Mapping[str, Any]]:
    for part in context if isinstance(context, list) else [context]:
        if isinstance(part, dict):
            yield part


def _check_context(context: Any) -> None:
    names: dict[str, str] = {}
    for part in _inline(context):
        # Within one context the order of definitions says nothing; of several the later one holds.
        names.update((term, iri) for term, definition in part.items() if (iri := _iri(definition)))
        if len(names) > MAX_DEFINITIONS:
            raise RefusedDocument(Refusal.TOO_MANY_VALUES)
        for term, definition in part.items():
            _check_term(term, definition, names)


def _check_term(term: str, definition: Any, names: Mapping[str, str]) -> None:
    reverse = False
    iri = _iri(definition)
    if isinstance(definition, dict):
        reverse = "@reverse" in definition
        if "@context" in definition:
            _check_context(definition["@context"])
        if iri is None and "@id" not in definition:
            iri = term  # says how values look, and leaves the meaning as it was
    own = _MEANINGS.get(term)
    meaning = _meaning(iri, names) if iri and iri != term else own if iri else None
    if own is None:
        if meaning in _DECISIVE or reverse:
            raise RefusedDocument(Refusal.CONTEXT_ALIAS)
    elif reverse or meaning != own:
        raise RefusedDocument(Refusal.CONTEXT_REDEFINES)


def _iri(definition: Any) -> str | None:
    iri = definition.get("@id") if isinstance(definition, dict) else definition
    return iri if isinstance(iri, str) else None


def _meaning(iri: str, names: Mapping[str, str], steps: int = MAX_STEPS) -> str:
    """Return the full form of an IRI that a definition gives, by these names and our own."""
    prefix, colon, rest = iri.partition(":")
    if rest.startswith("//"):
        return iri
    name = prefix if colon else iri
    base = names.get(name) or _MEANINGS.get(name)
    if base is None or base == iri:
        return iri
    if steps == 0:
        raise RefusedDocument(Refusal.CONTEXT_ALIAS)
    return _meaning(base, names, steps - 1) + rest
