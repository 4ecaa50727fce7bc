"""Other servers for tests of fetching: real sockets on the loopback, and every byte of an answer one's own.

The rule at the socket is given by the test: 127.0.0.1 stands for the Internet, and 127.0.0.2 for what is
inside and must never be reached.
"""

import asyncio
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp.abc import AbstractResolver, ResolveResult

OUTSIDE, INSIDE = "127.0.0.1", "127.0.0.2"
ACTIVITY = "application/activity+json"

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]

    @property
    def host(self) -> str:
        return self.headers["host"]


def whole(body: bytes, *, status: str = "200 OK", **headers: str) -> Answer:
    """An answer of one piece; header names are written with underscores."""

    async def send(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    return send


def document(content: Mapping[str, Any], **headers: str) -> Answer:
    return whole(json.dumps(content).encode(), **{"Content_Type": ACTIVITY, **headers})


def status(line: str) -> Answer:
    return whole(b"", status=line)


def redirect(location: str, code: str = "302 Found") -> Answer:
    return whole(b"", status=code, Location=location)


def raw(data: bytes) -> Answer:
    """These bytes, and then the end of the connection."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()

    return send


def endless(head: bytes, part: bytes, *, pause: float = 0.0) -> Answer:
    """A head, and then one part after the other until nobody listens any more."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return send


class Peer:
    """A server at an address of the loopback. `answers` by path, or by `host` and path."""

    def __init__(self, address: str = OUTSIDE, *, tls: ssl.SSLContext | None = None) -> None:
        self.address = address
        self.tls = tls
        self.answers: dict[str, Answer] = {}
        self.requests: list[Request] = []
        self.connections = 0
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.address, 0, ssl=self.tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self.drop_connections()
        await self._server.wait_closed()

    @property
    def targets(self) -> list[str]:
        """What was asked for, in order."""
        return [request.target for request in self.requests]

    def url(self, path: str = "/", host: str | None = None) -> str:
        return f"http{'s' if self.tls else ''}://{host or self.address}:{self.port}{path}"

    def note(self, path: str, host: str | None = None, **more: Any) -> Answer:
        """A document whose id is an address of this server."""
        return document({"id": self.url(path, host), "type": "Note", **more})

    async def drop_connections(self) -> None:
        """End what is kept alive, so that the next request connects anew."""
        for task in self._open:
            task.cancel()
        await self.all_ended()

    async def all_ended(self) -> None:
        """Wait until nobody is connected."""
        await asyncio.gather(*self._open)

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._converse(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                request = _read(await reader.readuntil(b"\r\n\r\n"))
                self.requests.append(request)
                name = request.host.partition(":")[0]
                path = request.target
                answer = self.answers.get(name + path) or self.answers.get(path) or status("404 Not Found")
                await answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()


def _read(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    return Request(method, target, {name.lower(): value.strip() for name, _, value in pairs})


class Names(AbstractResolver):
    """A resolver with names of its own. Of several answers each is given once, the last one always."""

    def __init__(self) -> None:
        self.known: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []
        self.closed = False

    def name(self, host: str, *answers: Iterable[str]) -> None:
        self.known[host] = [list(addresses) for addresses in answers]

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self.known:
            raise OSError("no such name")
        answers = self.known[host]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in (answers.pop(0) if len(answers) > 1 else answers[0])
        ]

    async def close(self) -> None:
        self.closed = True
