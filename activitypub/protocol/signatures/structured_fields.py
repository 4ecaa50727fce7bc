"""Structured fields (RFC 9651), read strictly: bounded, ASCII, no key twice, one kind of error."""

import re
from binascii import a2b_base64
from typing import NoReturn, cast

import http_sf
from http_sf.types import BareItemType, ItemType, ParamsType, StructuredType

from activitypub.protocol.signatures.reasons import Reason, SignatureError

Item = tuple[BareItemType, ParamsType]
InnerList = tuple[list[Item], ParamsType]
Dictionary = dict[str, Item | InnerList]

# One member of bytes alone, as Signature and Content-Digest nearly always are: the library looks at each
# letter by itself, which is a third of the time of a whole check.
_LONE_BYTES = re.compile(r"([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]+={0,2}):")
# Parsing takes about a microsecond for each member, so that this is a few milliseconds at the worst.
MAX_CHARACTERS = 4096


def parse(text: str, kind: str, *, reason: Reason = Reason.FIELD_MALFORMED) -> StructuredType:
    """The value of a field of `kind` (dictionary, list or item).

    Every item is a tuple of value and parameters. Raises SignatureError with `reason`, or too_large.
    """
    if len(text) > MAX_CHARACTERS:
        raise SignatureError(Reason.TOO_LARGE)

    def refuse(key: str, where: str) -> NoReturn:
        # The RFC lets the last one win. Two readers that differ in this would check two signatures.
        raise SignatureError(reason)

    try:
        return http_sf.parse(text.encode("ascii"), tltype=kind, on_duplicate_key=refuse)
    except SignatureError:
        raise
    except (ValueError, OverflowError):
        raise SignatureError(reason) from None


def parse_dictionary(text: str, *, reason: Reason = Reason.FIELD_MALFORMED) -> Dictionary:
    """The members of a dictionary, in order. Raises SignatureError with `reason`, or too_large."""
    if len(text) <= MAX_CHARACTERS and (alone := _LONE_BYTES.fullmatch(text)) and len(alone[2]) % 4 == 0:
        return {alone[1]: (a2b_base64(alone[2]), {})}
    return cast(Dictionary, parse(text, "dictionary", reason=reason))


def serialized(value: StructuredType) -> str:
    """A structured value as its field has it (RFC 9651 §4.1). Raises SignatureError (field_malformed)."""
    try:
        return http_sf.ser(value)
    except (ValueError, TypeError):
        raise SignatureError(Reason.FIELD_MALFORMED) from None


def serialized_member(member: Item | InnerList) -> str:
    """One member of a dictionary or list, alone. Raises SignatureError (field_malformed)."""
    return serialized([cast(ItemType, member)])
