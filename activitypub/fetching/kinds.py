"""What may be asked for, and which answers are that (RFC 9110 §8.3)."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.http import parse_header_parameters

from activitypub.protocol.negotiation import ACTIVITY, LINKED_DATA, PROFILE


@dataclass(frozen=True)
class Kind:
    """A kind of document: the `Accept` that asks for it, and the types that it comes as."""

    accept: str
    types: frozenset[str]

    def is_type(self, content_type: str) -> bool:
        """Whether an answer of this Content-Type is of this kind. Parameters stand in any order and case."""
        essence, parameters = _read(content_type)
        # Of linked data, only that whose profile says that it is read as plain JSON too.
        if essence == LINKED_DATA and PROFILE not in parameters.get("profile", "").split():
            return False
        return essence in self.types


ACTIVITY_DOCUMENT = Kind(
    accept=f'{ACTIVITY}, {LINKED_DATA}; profile="{PROFILE}"',
    types=frozenset({ACTIVITY, LINKED_DATA}),
)
JRD = Kind(
    accept="application/jrd+json, application/json;q=0.9",
    types=frozenset({"application/jrd+json", "application/json"}),
)
HOST_META = Kind(
    accept="application/xrd+xml, application/xml;q=0.9",
    types=frozenset({"application/xrd+xml", "application/xml", "text/xml"}),
)


def _read(content_type: str) -> tuple[str, Mapping[str, str]]:
    try:
        return parse_header_parameters(content_type)
    except ValueError:
        return "", {}
