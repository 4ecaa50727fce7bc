"""The shapes that one value may have, made into one shape each.

ActivityStreams lets nearly everything be one or many, an id or the thing itself, or null. What has none of
the shapes that a word can have counts as not there: a document says less then, and never something else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from activitypub.protocol.documents import contexts
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.uris import is_uri

PUBLIC: Final = "https://www.w3.org/ns/activitystreams#Public"
PUBLIC_NAMES: Final = frozenset({PUBLIC, "as:Public", "Public"})

# Of the ids in one property the rest is not read: nobody writes to as many by name.
MAX_URIS: Final = 2048
MAX_DURATION_SECONDS: Final = 10 * 366 * 86_400

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?([.,][0-9]{1,12})?"
    r"(?:[Zz]|([+-][0-9]{2}):?([0-9]{2}))?"
)
_DURATION = re.compile(
    r"P(?:([0-9]{1,9})D)?(?:T(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})(?:\.[0-9]{1,9})?S)?)?"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """Something named by its id, or given whole, or both. At least one of the two is there."""

    id: str | None
    inline: Document | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A text as it was sent, HTML among it, and its language as a tag of BCP 47 if that is known."""

    value: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """Something that can be fetched. Sizes are in pixels."""

    href: str
    media_type: str | None = None
    rel: tuple[str, ...] = ()
    name: str | None = None
    width: int | None = None
    height: int | None = None


def many(value: Any) -> list[Any]:
    """Return what one-or-many holds, without nulls. Many is a list, or a tuple in a document of our own."""
    if value is None:
        return []
    return [item for item in value if item is not None] if isinstance(value, list | tuple) else [value]


def one(value: Any) -> Any:
    """Return the first of one-or-many, or None."""
    values = many(value)
    return values[0] if values else None


def types(document: Document) -> tuple[str, ...]:
    """Return the document's types, in its order."""
    return tuple(kind for kind in many(document.get("type")) if isinstance(kind, str))


def uri(value: Any) -> str | None:
    """Return the id of an id-or-inline thing, if it is a URI."""
    value = value.get("id") if isinstance(value, dict) else value
    return value if is_uri(value) else None


def uris(value: Any) -> tuple[str, ...]:
    """Return every id of one-or-many, each once, in order."""
    return tuple(dict.fromkeys(found for item in many(value)[:MAX_URIS] if (found := uri(item))))


def addressees(value: Any) -> tuple[str, ...]:
    """Return `to`, `cc` or `audience` as ids, each once, everybody under the one full name."""
    names = [PUBLIC if isinstance(item, str) and item in PUBLIC_NAMES else item for item in many(value)]
    return uris(names)


def reference(value: Any) -> Reference | None:
    """Return the first of one-or-many as a reference."""
    found = references(value)
    return found[0] if found else None


def references(value: Any, limit: int = MAX_URIS) -> tuple[Reference, ...]:
    """Return every URI and every object of one-or-many."""
    found = []
    for item in many(value)[:limit]:
        inline = item if isinstance(item, dict) else None
        name = uri(item)
        if name is not None or inline is not None:
            found.append(Reference(name, inline))
    return tuple(found)


def string(value: Any) -> str | None:
    """Return the first of one-or-many if it is a text with anything in it."""
    value = one(value)
    return value if isinstance(value, str) and value else None


def text(document: Document, name: str) -> Text | None:
    """Return a natural-language value: the property itself, or else the first of its `…Map`.

    Its language is that under which the map has the same text, or has its only text; or else that of the
    document's context.
    """
    value = string(document.get(name))
    languages = document.get(f"{name}Map")
    if isinstance(languages, dict):
        translations = [(tag, found) for tag, found in languages.items() if isinstance(found, str) and found]
        for tag, found in translations:
            if value in (None, found) or len(translations) == 1:
                return Text(value or found, language(tag))
    return None if value is None else Text(value, language(contexts.language_of(document)))


def language(value: Any) -> str | None:
    """Return a language tag, or None for what is none and for `und`, which says that nobody knows."""
    if not isinstance(value, str) or not _LANGUAGE.fullmatch(value) or value.lower() == "und":
        return None
    return value


def moment(value: Any) -> datetime | None:
    """Return a time in UTC (RFC 3339, xsd:dateTime).

    Taken too are a space for the T, no seconds, no zone, which then is UTC, and any fraction of a second.
    """
    value = one(value)
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    day, minute, second, fraction, hours, minutes = match.groups()
    zone = f"{hours}:{minutes}" if hours else "+00:00"
    micro = f".{fraction[1:7]:0<6}" if fraction else ""
    try:
        return datetime.fromisoformat(f"{day}T{minute}{second or ':00'}{micro}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def duration(value: Any) -> int | None:
    """Return an xsd:duration of days and less in whole seconds; of months nobody knows how long they are."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return total if total <= MAX_DURATION_SECONDS else None


def count(value: Any) -> int | None:
    """Return a number of things, or a size in pixels. True is no number here."""
    return value if type(value) is int and value >= 0 else None


def flag(value: Any, default: bool = False) -> bool:
    return value if isinstance(value, bool) else default


def links(value: Any) -> tuple[Link, ...]:
    """Return what can be fetched of one-or-many URIs, Links, and objects that have a `url`."""
    return tuple(found for item in many(value) if (found := link(item)))


def link(value: Any) -> Link | None:
    """Return one URI, Link, or object with a `url`, as a Link."""
    if isinstance(value, str):
        return Link(value) if is_uri(value) else None
    if not isinstance(value, dict):
        return None
    href = one(value.get("href")) or one(value.get("url"))
    if isinstance(href, dict):  # an Image whose url is a Link
        href = one(href.get("href"))
    if not is_uri(href):
        return None
    rel = tuple(word for word in many(value.get("rel")) if isinstance(word, str))
    return Link(
        href,
        # Funkwhale writes mimeType.
        string(value.get("mediaType")) or string(value.get("mimeType")),
        rel,
        string(value.get("name")),
        count(value.get("width")),
        count(value.get("height")),
    )


def page(found: tuple[Link, ...]) -> str | None:
    """Return the one of these links that a browser shows: HTML, or else the first that names no type."""
    for media_types in (("text/html",), (None,)):
        for candidate in found:
            if candidate.media_type in media_types:
                return candidate.href
    return None


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the first object of one-or-many, or an empty one."""
    value = one(value)
    return value if isinstance(value, dict) else {}
