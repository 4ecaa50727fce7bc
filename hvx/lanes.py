"""Two lanes for HTTP: calls that hash a password wait among themselves.

Each of them takes 100 MiB and a tenth of a second, and anybody may send one. In one lane a flood of
logins would hold every thread, and no device could so much as refresh its token.
"""

import json
import logging
import secrets

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, HTTPScope

from accounts.errors import Busy
from hvx import metrics
from hvx.answers import ADMINISTRATION, CONTENT_TYPE, CORS, SAFETY, document

log = logging.getLogger("hvx.request")

# At ten a second or more the last of them waits six seconds.
MOST_INSIDE = 64
BASE = "/api/hvx/v1/"
# A test holds this to the bodies that have a password in them.
WITH_PASSWORD = frozenset(
    (method, BASE + path)
    for method, path in (
        ("POST", "accounts"),
        ("POST", "sessions"),
        ("POST", "password-reset"),
        ("POST", "me/password"),
        ("POST", "me/key"),
        ("POST", "me/passkeys"),
        ("POST", "me/access-keys"),
        ("POST", "me/export"),
        ("DELETE", "me"),
    )
) | {("POST", ADMINISTRATION + "login/")}
_BUSY = json.dumps(document(Busy())).encode()


class Lanes:
    """ASGI for HTTP: `slow` for the calls with a password, at most MOST_INSIDE at once, and `quick`
    for all others."""

    def __init__(self, quick: ASGI3Application, slow: ASGI3Application) -> None:
        self._quick, self._slow = quick, slow
        self._inside = 0

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if (scope["method"], scope["path"]) not in WITH_PASSWORD:
            await self._quick(scope, receive, send)
        elif self._inside >= MOST_INSIDE:
            await _refuse(scope, send)
        else:
            self._inside += 1
            try:
                await self._slow(scope, receive, send)
            finally:
                self._inside -= 1


async def _refuse(scope: HTTPScope, send: ASGISendCallable) -> None:
    identity = secrets.token_hex(8)
    headers = {
        **CORS,
        **SAFETY,
        "Content-Type": CONTENT_TYPE,
        "Content-Length": str(len(_BUSY)),
        "Retry-After": "5",
        "X-Request-Id": identity,
    }
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": Busy.status, "headers": encoded, "trailers": False})
    await send({"type": "http.response.body", "body": _BUSY, "more_body": False})
    metrics.count(scope["method"], Busy.status, 0)
    told = {"request_id": identity, "method": scope["method"], "path": scope["path"], "status": Busy.status}
    log.info("request", extra={"fields": told})
