"""What the OpenAPI document says of the addresses that people's own clients use (ActivityPub §6)."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema

from activitypub.protocol.negotiation import ACTIVITY, LINKED_DATA

F = TypeVar("F", bound=Callable[..., Any])

_DOCUMENT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A document of ActivityStreams 2.0, in plain JSON.",
    "additionalProperties": True,
}
_PAGE: Final = OpenApiParameter(
    "page", OpenApiTypes.STR, description="`first`, or what `next` says. Without it: where the first one is."
)
_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="1 to 255 characters: what comes again under it is done once, and answered alike.",
)


def reads(operation: str) -> Callable[[F], F]:
    """Decorates the view's method of a collection that is read in pages."""
    return extend_schema(
        operation_id=operation,
        parameters=[_PAGE],
        responses={(200, ACTIVITY): _DOCUMENT},
        tags=["activitypub"],
    )


def publishes(operation: str) -> Callable[[F], F]:
    """Decorates the view's method that takes activities."""
    kinds = (ACTIVITY, LINKED_DATA, "application/json")
    return extend_schema(
        operation_id=operation,
        parameters=[_KEY],
        request=dict.fromkeys(kinds, _DOCUMENT),
        responses={(201, ACTIVITY): _DOCUMENT},
        tags=["activitypub"],
    )
