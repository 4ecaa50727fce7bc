"""Bytes into a document: strict, bounded, and the same for every reader (RFC 8259, RFC 7493).

The work is bounded by construction: nothing is parsed that has more brackets than a document may have
values, and the walk over what was parsed stops at the first value too many.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from activitypub.protocol.documents import contexts
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument

MAX_BYTES: Final = 1024 * 1024
# The deepest document seen of a real server has nine levels: an Announce of a Create of a Note with tags.
MAX_DEPTH: Final = 20
# Followers of one host come in one array, for synchronisation (FEP-8fcf).
MAX_ITEMS: Final = 16_384
MAX_VALUES: Final = 32_768
# Both databases hold integers of 64 bits. Larger ones come from the parser as floats, rounded.
MAX_NUMBER: Final = 2**63

# A JSON object, as it was sent. Nothing writes to it.
Document = Mapping[str, Any]


def read(body: bytes) -> Document:
    """Return the JSON object in `body`.

    RefusedDocument for more than 1 MiB, what is no UTF-8 or no JSON (NaN and half a character among it),
    no object, over 20 levels, over 16,384 items in an array or 32,768 values in all, a member that stands
    twice, NUL, numbers beyond 64 bits, and a `@context` that gives our words another meaning.
    """
    if len(body) > MAX_BYTES:
        raise RefusedDocument(Refusal.TOO_LARGE)
    # Brackets within texts count too, so this is no measure, only a bound on the parser's work.
    if body.count(b"[") + body.count(b"{") > MAX_VALUES:
        raise RefusedDocument(Refusal.TOO_MANY_VALUES)
    try:
        document = orjson.loads(body)
    except ValueError:
        raise RefusedDocument(Refusal.NOT_JSON) from None
    if not isinstance(document, dict):
        raise RefusedDocument(Refusal.NOT_AN_OBJECT)
    strings = _walk(document)
    # Now the text is known to be JSON, a backslash stands only in a string and always begins a pair.
    unescaped = body.replace(b"\\\\", b"__") if b"\\" in body else body
    if b"\\u0000" in unescaped:
        raise RefusedDocument(Refusal.NUL)
    # orjson keeps the last of two members of one name. Every member begins with a string, so the text then
    # holds more strings than what came of it, and never fewer.
    if (unescaped.count(b'"') - unescaped.count(b'\\"')) != 2 * strings:
        raise RefusedDocument(Refusal.DUPLICATE_MEMBER)
    contexts.check(document)
    return document


def _walk(document: dict[str, Any]) -> int:
    """Hold depth, sizes and numbers to their bounds, and return how many strings there are, names among
    them. It goes level by level, so that depth costs no stack."""
    strings = values = 0
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for container in level:
            size = len(container)
            values += size
            if values > MAX_VALUES:
                raise RefusedDocument(Refusal.TOO_MANY_VALUES)
            if type(container) is dict:
                strings += size
                container = container.values()
            elif size > MAX_ITEMS:
                raise RefusedDocument(Refusal.TOO_MANY_VALUES)
            for value in container:
                kind = type(value)
                if kind is str:
                    strings += 1
                elif kind is dict or kind is list:
                    below.append(value)
                elif (kind is int or kind is float) and not -MAX_NUMBER < value < MAX_NUMBER:
                    raise RefusedDocument(Refusal.NUMBER_OUT_OF_RANGE)
        if not below:
            return strings
        level = below
    raise RefusedDocument(Refusal.TOO_DEEP)
