"""The pages that the server shows to people: what it is, the API to read, the socket's frames.

They work without a request to anybody else and, but for the API's page, without scripts.
"""

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hvx import errors_page, socket_reference
from hvx.openapi import PROBLEM_SCHEMA
from keyexchange.consumers import SUBPROTOCOL
from keyexchange.protocol.exchange import HELD_SECONDS

# Nothing runs or loads but what these pages name, all of it from here; no page may frame them.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The reader's own script fetches the schema, and its style sheet holds its icons as data.
READER_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

REGISTRATION = {
    "open": "Open to everyone.",
    "invite": "By invite: ask whoever runs this server for a code.",
    "closed": "Closed.",
}


def _page(request: HttpRequest, template: str, policy: str = POLICY, **context: Any) -> HttpResponse:
    response = render(
        request,
        f"hvx/{template}.html",
        {
            "name": settings.HVX_INSTANCE_NAME,
            "origin": settings.HVX_ORIGIN,
            "version": settings.HVX_VERSION,
            "source": settings.HVX_SOURCE_URL,
            **context,
        },
    )
    response["Content-Security-Policy"] = policy
    return response


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """What this server is, who may join, where to read on."""
    return _page(
        request,
        "landing",
        registration=REGISTRATION[settings.HVX_REGISTRATION],
        closed=settings.HVX_REGISTRATION == "closed",
        rules=settings.HVX_INSTANCE_RULES,
    )


@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document, to read."""
    return _page(request, "reference", READER_POLICY)


@require_safe
def socket(request: HttpRequest) -> HttpResponse:
    """The frames of the key exchange, with examples, codes and limits."""
    return _page(
        request,
        "socket",
        address=settings.HVX_ORIGIN.replace("http", "ws", 1) + "/ws/keyexchange",
        subprotocol=SUBPROTOCOL,
        common=socket_reference.COMMON,
        client_frames=socket_reference.CLIENT_FRAMES,
        server_frames=socket_reference.SERVER_FRAMES,
        states=socket_reference.states(),
        errors=socket_reference.ERRORS,
        closes=socket_reference.CLOSES,
        limits=socket_reference.LIMITS,
        seconds=int(HELD_SECONDS),
    )


@require_safe
def errors(request: HttpRequest) -> HttpResponse:
    """Every code of a problem document."""
    return _page(
        request,
        "errors",
        example=json.dumps(PROBLEM_SCHEMA["example"], indent=2),
        problems=[
            {"code": problem.code, "status": problem.status, "title": problem.title}
            for problem in errors_page.problems()
        ],
    )
