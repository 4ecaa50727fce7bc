"""What every answer carries, in one place: request id, DPoP nonce, CORS, safety headers, a log line."""

import logging
import secrets
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from audit.context import asked_from
from devices import nonces
from hvx import metrics
from hvx.answers import CORS, PREFLIGHT, SAFETY
from hvx.logs import request_id

log = logging.getLogger("hvx.request")


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


def answer(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """The outermost middleware."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        identity = secrets.token_hex(8)
        token = request_id.set(identity)
        began = time.perf_counter()
        try:
            preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
            response: HttpResponseBase
            if preflight:
                response = HttpResponse(status=204, headers=PREFLIGHT)
            else:
                with asked_from(request.META.get("REMOTE_ADDR", "")):
                    response = get_response(request)
                for name, value in CORS.items():
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
            # The path alone: a query may hold what somebody searched for. No address, no token.
            log.info(
                "request",
                extra={
                    "fields": {
                        "method": request.method,
                        "path": request.path,
                        "status": response.status_code,
                        "ms": round(seconds * 1000, 1),
                    }
                },
            )
            return response
        finally:
            request_id.reset(token)

    return respond
