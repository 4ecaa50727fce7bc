"""What a sealed server answers: 503 to everything. It knows no secret, no database and no room of ours."""

import json
import logging
import secrets
import time
from collections.abc import Mapping

from asgiref.typing import (
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPScope,
    Scope,
    WebSocketScope,
)

from hvx.answers import CONTENT_TYPE, CORS, PREFLIGHT, SAFETY, document
from vault.errors import Sealed

log = logging.getLogger("hvx.request")

# An operator has to come, so it will not be at once.
RETRY_AFTER = "30"
HEALTH = frozenset(("/healthz", "/readyz"))
SUBPROTOCOL = "hvx.keyexchange.v1"
# RFC 6455 §7.4.1's registry: "try again later".
CLOSE_CODE = 1013

_PROBLEM = json.dumps(document(Sealed())).encode()
_STATUS = json.dumps({"status": "sealed"}).encode()


async def application(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """By kind of connection."""
    if scope["type"] == "http":
        await _answer(scope, send)
    elif scope["type"] == "websocket":
        await _close(scope, receive, send)
    else:
        await _lifespan(receive, send)


async def _answer(scope: HTTPScope, send: ASGISendCallable) -> None:
    began = time.perf_counter()
    identity = secrets.token_hex(8)
    status, body, headers = _response(scope)
    told = {**headers, **SAFETY, "X-Request-Id": identity}
    await send(
        {"type": "http.response.start", "status": status, "headers": _encoded(told), "trailers": False}
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
    fields = {
        "request_id": identity,
        "method": scope["method"],
        # Of the others none is known here, and a path may name somebody.
        "path": scope["path"] if scope["path"] in HEALTH else "unknown",
        "status": status,
        "ms": round((time.perf_counter() - began) * 1000, 1),
    }
    log.info("request", extra={"fields": fields})


def _response(scope: HTTPScope) -> tuple[int, bytes, Mapping[str, str]]:
    asked = {name for name, _ in scope["headers"]}
    if scope["method"] == "OPTIONS" and b"access-control-request-method" in asked:
        # Or a page could not read why its call is refused.
        return 204, b"", PREFLIGHT
    healthy = scope["path"] in HEALTH
    body = _STATUS if healthy else _PROBLEM
    headers = {
        **CORS,
        "Content-Type": "application/json" if healthy else CONTENT_TYPE,
        "Content-Length": str(len(body)),
        "Retry-After": RETRY_AFTER,
    }
    return 503, body, headers


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


async def _close(scope: WebSocketScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    await receive()
    # A browser shows a page nothing of an upgrade that was refused, so it is completed first.
    chosen = SUBPROTOCOL if SUBPROTOCOL in scope["subprotocols"] else None
    await send({"type": "websocket.accept", "subprotocol": chosen, "headers": []})
    await send({"type": "websocket.close", "code": CLOSE_CODE, "reason": Sealed.code})


async def _lifespan(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
