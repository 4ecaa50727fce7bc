"""What stands between the ASGI server, a2wsgi and Django's WSGI handler.

a2wsgi carries each request into one of a few threads. Here is what it leaves open: whose context the
thread works in, who waits for a slow body, and what of a request's head no WSGI environment can hold.
"""

import threading
from collections.abc import Callable, Iterable
from contextvars import Context
from typing import Any, cast
from urllib.parse import quote_from_bytes

from a2wsgi import WSGIMiddleware
from asgiref.typing import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    HTTPScope,
)

from devices.parsers import MAX_BODY_BYTES

# Bodies up to this are waited for on the loop; what is longer is read by the thread as it comes. So it is
# more than any reader takes into memory: who sends most of a body and stalls would else hold the thread,
# and four of them every login.
WAITED_FOR_BYTES = MAX_BODY_BYTES + 1
UNTOLD = 2**53

Environ = dict[str, Any]
WSGIApplication = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def bridge(application: WSGIApplication, *, threads: int) -> ASGI3Application:
    """`application`, which is WSGI, as an ASGI application for HTTP with `threads` threads."""
    return with_body(in_threads(application, threads=threads))


def in_threads(application: WSGIApplication, *, threads: int) -> ASGI3Application:
    """The part of the bridge in which a request holds a thread."""
    return cast(ASGI3Application, WSGIMiddleware(cast(Any, in_own_context(application)), workers=threads))


def with_body(inner: ASGI3Application) -> ASGI3Application:
    """The part before it: `inner` gets a request once its body is here, or as much as is waited for."""

    async def http(scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        messages, length = [], 0
        while length < WAITED_FOR_BYTES:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            messages.append(message)
            length += len(cast(Any, message).get("body", b""))
            if not cast(Any, message).get("more_body", False):
                # A body in chunks does not say its length, and WSGI knows no other end of a body.
                scope = {**scope, "headers": [*_without_length(scope), _length(length)]}
                break
        else:
            if not any(name == b"content-length" for name, _ in scope["headers"]):
                # Chunks that are still coming: WSGI takes no length for no body. It reads to the
                # end that comes first, and each reader has a limit of its own.
                scope = {**scope, "headers": [*scope["headers"], _length(UNTOLD)]}
        scope = {**scope, "headers": _unambiguous(scope), "query_string": _ascii(scope["query_string"])}

        async def replay() -> ASGIReceiveEvent:
            return messages.pop(0) if messages else await receive()

        await inner(scope, replay, send)

    return cast(ASGI3Application, http)


def in_own_context(application: WSGIApplication) -> WSGIApplication:
    """The application, called in a context that each thread keeps for itself.

    a2wsgi calls it in a copy of the server's. What Django keeps by context, its connections to a
    cache above all, would be made anew for every request and never be found again.
    """
    kept = threading.local()

    def call(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not hasattr(kept, "context"):
            kept.context = Context()
        return cast(Iterable[bytes], kept.context.run(application, environ, start_response))

    return call


def _without_length(scope: HTTPScope) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in scope["headers"] if name != b"content-length"]


def _length(length: int) -> tuple[bytes, bytes]:
    return b"content-length", str(length).encode()


def _unambiguous(scope: HTTPScope) -> list[tuple[bytes, bytes]]:
    # `a_b` and `a-b` are one name in an environment, so the former could pass for a header that a
    # proxy sets or takes away.
    return [(name, value) for name, value in scope["headers"] if b"_" not in name]


def _ascii(query: bytes) -> bytes:
    # Servers pass on bytes that no query may hold; percent-encoded they mean the same.
    return query if query.isascii() else quote_from_bytes(query, safe="!#$%&'()*+,/:;=?@[]~").encode()
