"""HTTP from an ASGI server into Django's WSGI handler, each request in one of a few threads.

A crossing between the loop and a thread costs more than a small view does. So a small request and an
answer that Django holds whole cross once each way; only what is larger crosses piece by piece, each
waiting for the one before it.
"""

import asyncio
import io
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from django.http.response import FileResponse, HttpResponseBase

PIECE_BYTES = 64 * 1024

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., None]], HttpResponseBase]
"""Django's WSGIHandler, which answers with the response itself."""


class Bridge:
    """An ASGI application for HTTP in front of Django's WSGI handler, with `threads` threads.

    A request waits for its body, up to PIECE_BYTES of it, on the loop, so that a client who sends
    slowly holds no thread. A thread runs in its own context, never in a copy of the caller's: what
    Django keeps by thread, its connections to a cache above all, is found again at the next request.
    """

    def __init__(self, application: Application, *, threads: int) -> None:
        self._application = application
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="http")

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        loop = asyncio.get_running_loop()
        piece, more = b"", True
        while more and len(piece) < PIECE_BYTES:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            piece += _body(message)
            more = _more(message)

        def following() -> tuple[bytes, bool]:
            message = asyncio.run_coroutine_threadsafe(_received(receive), loop).result()
            return _body(message), _more(message)

        def send_piece(event: Any) -> None:
            asyncio.run_coroutine_threadsafe(_sent(send, event), loop).result()

        body: io.BufferedIOBase
        body = io.BufferedReader(_Rest(piece, following), PIECE_BYTES) if more else io.BytesIO(piece)
        environ = environ_of(scope, body)
        if piece and not more:
            environ["CONTENT_LENGTH"] = str(len(piece))  # a chunked request does not say
        whole = await loop.run_in_executor(self._threads, self._answer, environ, send_piece)
        for event in whole:
            await send(event)

    def _answer(self, environ: Environ, send_piece: Callable[[Any], None]) -> list[Any]:
        """In a thread: the events that are left to send, none where the answer was streamed."""
        start: dict[str, Any] = {"type": "http.response.start"}

        def start_response(status: str, headers: Iterable[tuple[str, str]], exc_info: Any = None) -> None:
            start["status"] = int(status[:3])
            start["headers"] = [
                (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers
            ]

        response = self._application(environ, start_response)
        try:
            if not response.streaming:
                return [start, {"type": "http.response.body", "body": b"".join(response)}]
            if isinstance(response, FileResponse):
                response.block_size = PIECE_BYTES
            send_piece(start)
            for piece in response:
                send_piece({"type": "http.response.body", "body": piece, "more_body": True})
            return [{"type": "http.response.body", "body": b""}]
        finally:
            response.close()


class _Rest(io.RawIOBase):
    """A body too large to wait for: the piece that is there, then what `following` gives."""

    def __init__(self, piece: bytes, following: Callable[[], tuple[bytes, bool]]) -> None:
        self._piece = memoryview(piece)
        self._more = True
        self._following = following

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._piece and self._more:
            piece, self._more = self._following()
            self._piece = memoryview(piece)
        taken = self._piece[: len(buffer)]
        buffer[: len(taken)] = taken
        self._piece = self._piece[len(taken) :]
        return len(taken)


# Coroutines of our own around the server's callables, which may give any awaitable.


async def _received(receive: ASGIReceiveCallable) -> Any:
    return await receive()


async def _sent(send: ASGISendCallable, event: Any) -> None:
    await send(event)


def _body(message: Any) -> bytes:
    return cast(bytes, message.get("body", b""))


def _more(message: Any) -> bool:
    # False for `http.disconnect`: the body ends short, as it does under any WSGI server, and who
    # reads it compares with Content-Length.
    return cast(bool, message.get("more_body", False))


_NAMES = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


def environ_of(scope: HTTPScope, body: io.BufferedIOBase) -> Environ:
    """The WSGI environment of an ASGI scope (PEP 3333; ASGI specification, "WSGI Compatibility")."""
    raw_path, (host, port) = scope.get("raw_path"), scope.get("server") or ("localhost", 80)
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": (unquote_to_bytes(raw_path) if raw_path else scope["path"].encode()).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 0),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if client := scope.get("client"):
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = client[0], str(client[1])
    for name, value in scope["headers"]:
        # `a_b` and `a-b` are one name in an environment, so the former could pass for a header that
        # a proxy sets or takes away.
        if b"_" in name:
            continue
        key = _NAMES.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ
