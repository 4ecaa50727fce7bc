"""What the addresses of federation share: who may read them, and how a document is answered."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpResponse
from django.utils.cache import patch_vary_headers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from activitypub.protocol.negotiation import ACTIVITY
from devices.api import PublicView
from devices.parsers import dumps

# Long enough to spare a post that spreads its author's document, short enough for a change to be seen.
CACHED = "public, max-age=180"


class AnyAccept(BaseContentNegotiation):
    """Takes every Accept header: a refusal is JSON, and what else there is the view decides."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, first.media_type or ""


class FederationView(PublicView):
    """An address that other servers read. It stands in no OpenAPI document, for its contract is elsewhere;
    what people's own clients use does."""

    content_negotiation_class = AnyAccept
    schema: Any = None


def answer(
    document: Mapping[str, Any], *, content_type: str = ACTIVITY, status: int = 200, varies: bool = False
) -> HttpResponse:
    """A JSON document for anybody; `varies` where a browser gets a page at the same address."""
    response = HttpResponse(dumps(document), status=status, content_type=content_type)
    if status == 200:
        response["Cache-Control"] = CACHED
    if varies:
        patch_vary_headers(response, ["Accept"])
    return response
