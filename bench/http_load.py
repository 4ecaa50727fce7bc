"""HTTP load over raw sockets: connections kept alive, one request in flight on each.

A general HTTP client spends more on a request than the server does and would be what is measured.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from bench.figures import Rate
from bench.server import BenchServer

LONGEST_SECONDS = 60.0

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def request(method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
    """The bytes of one HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench.localhost"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class LoadFailed(AssertionError):
    """A request was not answered as it must be."""


class _Connection(asyncio.Protocol):
    """Sends what `following` gives, one after another, until it gives None."""

    def __init__(self, following: Callable[[], bytes | None], wanted: bytes) -> None:
        self.following = following
        self.wanted = b"HTTP/1.1 " + wanted
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""
        self.answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.step()

    def step(self) -> None:
        following = self.following()
        if following is not None:
            self.transport.write(following)
        elif not self.over.done():
            self.over.set_result(None)
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        found = _LENGTH.search(self.buffer, 0, head + 2)
        end = head + 4 + int(found[1] if found else 0)
        if len(self.buffer) < end:
            return
        if not self.buffer.startswith(self.wanted):
            self.fail(LoadFailed(self.buffer[:end].decode(errors="replace")))
            return
        self.buffer = self.buffer[end:]
        self.answered += 1
        self.step()

    def connection_lost(self, error: Exception | None) -> None:
        self.fail(LoadFailed("the server closed the connection"))

    def fail(self, error: Exception) -> None:
        if not self.over.done():
            self.over.set_exception(error)
            self.transport.abort()


async def load(
    server: BenchServer,
    following: Callable[[], bytes | None],
    *,
    connections: int,
    wanted: bytes = b"200",
) -> Rate:
    """Drive the server with what `following` gives until it gives None to each connection."""
    loop = asyncio.get_running_loop()
    cpu, began = server.cpu_seconds(), time.perf_counter()
    opened = [
        (await loop.create_connection(lambda: _Connection(following, wanted), "127.0.0.1", server.port))[1]
        for _ in range(connections)
    ]
    async with asyncio.timeout(LONGEST_SECONDS):
        await asyncio.gather(*(connection.over for connection in opened))
    answered = sum(connection.answered for connection in opened)
    return Rate(
        a_second=answered / (time.perf_counter() - began),
        cpu_each=(server.cpu_seconds() - cpu) / answered,
    )


def for_seconds(seconds: float, text: bytes) -> Callable[[], bytes | None]:
    """The same request again and again until the time is up."""
    deadline = time.perf_counter() + seconds
    return lambda: text if time.perf_counter() < deadline else None


def each_once(requests: Iterable[bytes]) -> Callable[[], bytes | None]:
    """Each of the requests, whichever connection is free."""
    rest = iter(requests)
    return lambda: next(rest, None)
