"""The inboxes' answers, in front of Django: no address is asked more often."""

import logging
import secrets
import time

import orjson
from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, HTTPScope

from activitypub.inbox.application import Disconnected, Inbox, inbox_at
from audit.errors import Problem
from hvx import metrics
from hvx.answers import CONTENT_TYPE, SAFETY, document
from hvx.problems import problem_of

log = logging.getLogger("hvx.request")

ACCEPTED = 202
# After these the rest of a body may still be coming, which nobody reads.
_LEFT_UNREAD = frozenset({408, 413, 503})

_SAFETY = tuple((name.lower().encode(), value.encode()) for name, value in SAFETY.items())


class Inboxes:
    """ASGI for HTTP: POSTs to an inbox are answered here, all else by `inner`."""

    def __init__(self, inner: ASGI3Application) -> None:
        self._inner = inner
        self._inbox = Inbox()

    async def close(self) -> None:
        """Let go of the database, at the end of the process."""
        await self._inbox.close()

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        recipient = inbox_at(scope["path"]) if scope["method"] == "POST" else None
        if recipient is None:
            await self._inner(scope, receive, send)
            return
        began = time.perf_counter()
        problem: Problem | None = None
        try:
            await self._inbox.take(scope, receive, recipient)
        except Disconnected:
            return
        except Exception as error:
            problem = problem_of(error)
            if problem is not error and problem.status >= 500:
                log.error("an inbox failed", exc_info=error)
        identity = secrets.token_hex(8)
        status = problem.status if problem else ACCEPTED
        await _answer(send, status, problem, identity)
        seconds = time.perf_counter() - began
        metrics.count("POST", status, seconds)
        log.info(
            "request",
            extra={
                "fields": {
                    "request_id": identity,
                    "method": "POST",
                    "path": "/users/{username}/inbox" if recipient else "/inbox",
                    "status": status,
                    "ms": round(seconds * 1000, 1),
                    # A stable word, with nothing of what was sent.
                    **({"reason": getattr(problem, "reason", problem.code)} if problem else {}),
                }
            },
        )


async def _answer(send: ASGISendCallable, status: int, problem: Problem | None, identity: str) -> None:
    headers = [*_SAFETY, (b"x-request-id", identity.encode())]
    body = b""
    if problem is not None:
        body = orjson.dumps(document(problem))
        headers.append((b"content-type", CONTENT_TYPE.encode()))
        headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
        if status in _LEFT_UNREAD:
            headers.append((b"connection", b"close"))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})
