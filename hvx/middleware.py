"""What every answer carries, in one place: request id, DPoP nonce, CORS, safety headers, a log line."""

import logging
import re
import secrets
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from audit.context import asked_from
from devices import nonces
from hvx import metrics
from hvx.answers import ADMINISTRATION, CORS, PREFLIGHT, SAFETY
from hvx.logs import request_id

log = logging.getLogger("hvx.request")

# `<str:device>` in a route.
PART = re.compile(r"<(?:\w+:)?(\w+)>")


def _nonce(path: str) -> str:
    """The nonce that goes with an answer; none while vault or cache give none.

    Then a call that needs a nonce fails by itself. `/healthz` waits for neither.
    """
    if path == "/healthz":
        return ""
    try:
        return nonces.current()
    except Exception:
        return ""


def _route(path: str) -> str:
    """The address with the names of its parts in place of what stands there: a device's hash or a
    username in a log would outlive its account. What is nobody's address may hold anything."""
    if path.startswith(settings.STATIC_URL):
        return settings.STATIC_URL
    try:
        return "/" + PART.sub(r"{\1}", resolve(path).route)
    except Resolver404:
        return "unknown"


def answer(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """The outermost middleware."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        identity = secrets.token_hex(8)
        token = request_id.set(identity)
        began = time.perf_counter()
        try:
            is_open = not request.path.startswith(ADMINISTRATION)
            preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
            response: HttpResponseBase
            if preflight and is_open:
                response = HttpResponse(status=204, headers=PREFLIGHT)
            else:
                with asked_from(request.META.get("REMOTE_ADDR", "")):
                    response = get_response(request)
                for name, value in CORS.items() if is_open else ():
                    response.setdefault(name, value)
            response["X-Request-Id"] = identity
            if nonce := _nonce(request.path):
                response["DPoP-Nonce"] = nonce
            for name, value in SAFETY.items():
                response.setdefault(name, value)
            # A 204 has no body whose length could be told (RFC 9110 §8.6).
            if isinstance(response, HttpResponse) and response.status_code != 204:
                response.setdefault("Content-Length", str(len(response.content)))
            seconds = time.perf_counter() - began
            metrics.count(request.method or "", response.status_code, seconds)
            # The route alone: a path may name somebody, a query what they looked for. No address, no token.
            log.info(
                "request",
                extra={
                    "fields": {
                        "method": request.method,
                        "path": _route(request.path),
                        "status": response.status_code,
                        "ms": round(seconds * 1000, 1),
                    }
                },
            )
            return response
        finally:
            request_id.reset(token)

    return respond
