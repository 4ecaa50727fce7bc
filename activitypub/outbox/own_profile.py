"""What an actor tells of itself, as a client writes it.

Profiles are kept as plain text: a `source` as it was typed, of HTML what it says. There lines stay lines, and
an address that was shown without its scheme has it again, so that a summary which was read here can be sent
back.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, cast

import orjson
from rest_framework.exceptions import ValidationError

from activitypub import cleaning
from activitypub.errors import ActivityRefused
from activitypub.models import LocalActor
from activitypub.outbox.deeds import Deed, Made
from activitypub.outbox.refusals import Reason
from activitypub.protocol.composing import MARKDOWN, PLAIN
from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.reading import Document
from activitypub.queries.actors import published_keys
from activitypub.rendering import actor_document
from activitypub.services.profile import MAX_FIELDS, Profile, update_profile

# More than any summary that fits makes with its links. The cleaner would cut what is longer.
_MAX_HTML: Final = 100_000

_PARAGRAPH_END = re.compile(r"</(?:p|h[1-6]|blockquote|pre)\s*>", re.IGNORECASE)
_LINE_END = re.compile(r"<br\s*/?>|</(?:li|div)\s*>", re.IGNORECASE)
_LINK = re.compile(r"<a\s([^<>]*)>([^<>]+)</a>", re.IGNORECASE)
_HREF = re.compile(r'\bhref="(https?://([^"]*))"')


def prepare(actor: LocalActor, document: Document) -> Deed:
    """An Update of the actor's profile: all that it names at once, or nothing.

    What the document says of the actor as it is changes nothing, so a client may send all that it read.
    Raises ActivityRefused for other members, DRF's ValidationError; the deed as update_profile.
    """
    stands = actor_document(actor, published_keys(actor))
    changed = {
        name: value
        for name, value in document.items()
        if name != "@context" and (name not in stands or not _same(value, stands[name]))
    }
    if changed.keys() - _MEMBERS.keys():
        raise ActivityRefused(Reason.MEMBER)
    return partial(_change, actor, _profile(changed))


def _profile(changed: Document) -> Profile:
    found: dict[str, Any] = {}
    faults: dict[str, list[str]] = {}
    for member, (name, read) in _MEMBERS.items():
        if member in changed:
            try:
                found[name] = read(changed[member])
            except ValueError as fault:
                faults[member] = [str(fault)]
    if faults:
        raise ValidationError(faults)
    return Profile(**found)


def _change(actor: LocalActor, profile: Profile) -> Made:
    try:
        return update_profile(actor, profile)
    except ValidationError as refused:
        # By the names that the client knows.
        members = {name: member for member, (name, _) in reversed([*_MEMBERS.items()])}
        faults = cast(Mapping[str, Any], refused.detail)
        raise ValidationError({members[name]: said for name, said in faults.items()}) from None


def _same(one: Any, other: Any) -> bool:
    """Whether both are the same JSON. To Python, 1 is True."""
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)


def text_of(html: str) -> str:
    """What HTML says. Raises ValueError for what is too long to be read."""
    if len(html) > _MAX_HTML or html.count("<") > cleaning.MAX_TAGS:
        raise ValueError("too long")
    html = _LINE_END.sub("\n", _PARAGRAPH_END.sub("\n\n", _LINK.sub(_whole, html)))
    return cleaning.as_text(html).strip()


def _whole(link: re.Match[str]) -> str:
    href = _HREF.search(link[1])
    return href[1] if href and href[2] == link[2] else link[0]


def _name(value: Any) -> str:
    return " ".join(_html(value).split())


def _html(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError("must be a text, or null")
    return text_of(value)


def _source(value: Any) -> str:
    source = value if isinstance(value, dict) else {}
    content = source.get("content")
    if not isinstance(content, str) or source.get("mediaType", PLAIN) not in (PLAIN, MARKDOWN):
        raise ValueError(f"must have a content, of {PLAIN} or {MARKDOWN}")
    return content


def _fields(value: Any) -> list[tuple[str, str]]:
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    if len(items) > MAX_FIELDS:
        raise ValueError(f"at most {MAX_FIELDS}")
    return [_field(item) for item in items]


def _field(item: Any) -> tuple[str, str]:
    fault = "must be PropertyValues of a name and a value"
    if not isinstance(item, dict) or item.keys() != {"type", "name", "value"}:
        raise ValueError(fault)
    name, value = _name(item["name"]), item["value"]
    if item["type"] != "PropertyValue" or not name or not isinstance(value, str):
        raise ValueError(fault)
    return name, text_of(value)


def _picture(value: Any) -> str:
    if value is None:
        return ""
    found = shapes.link(value) if isinstance(value, str) or _is_picture(value) else None
    if found is None:
        raise ValueError("must be an http or https address, an Image or Link with one, or null")
    return found.href


def _is_picture(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") in ("Image", "Link")


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


# By member what it is in a Profile, and what reads it. Of a text that was typed the HTML is made, so `source`
# stands behind `summary`, and counts if both are there.
_MEMBERS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "name": ("display_name", _name),
    "summary": ("summary", _html),
    "source": ("summary", _source),
    "attachment": ("fields", _fields),
    "icon": ("icon", _picture),
    "image": ("image", _picture),
    "manuallyApprovesFollowers": ("locked", _flag),
    "discoverable": ("discoverable", _flag),
    "indexable": ("indexable", _flag),
}
