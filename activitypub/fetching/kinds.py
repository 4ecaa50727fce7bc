"""What may be asked for, and which answers are that (RFC 9110 §8.3)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from activitypub.protocol.media_types import is_activitypub
from activitypub.protocol.negotiation import ACTIVITY, LINKED_DATA, PROFILE

_JRD_TYPES: Final = frozenset({"application/jrd+json", "application/json"})
_XRD_TYPES: Final = frozenset({"application/xrd+xml", "application/xml", "text/xml"})


@dataclass(frozen=True)
class Kind:
    """A kind of document: the `Accept` that asks for it, and whether a Content-Type is one of its."""

    accept: str
    is_type: Callable[[str], bool]


def is_jrd(content_type: str) -> bool:
    """Whether this is WebFinger's JSON, under its own name or the plain one."""
    return _essence(content_type) in _JRD_TYPES


def is_xrd(content_type: str) -> bool:
    """Whether this is the XML of host-meta and of old WebFinger."""
    return _essence(content_type) in _XRD_TYPES


def _essence(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


ACTIVITY_DOCUMENT: Final = Kind(f'{ACTIVITY}, {LINKED_DATA}; profile="{PROFILE}"', is_activitypub)
HOST_META: Final = Kind("application/xrd+xml, application/xml;q=0.9", is_xrd)
WEBFINGER: Final = Kind(
    "application/jrd+json, application/json;q=0.9, application/xrd+xml;q=0.5",
    lambda content_type: is_jrd(content_type) or is_xrd(content_type),
)
