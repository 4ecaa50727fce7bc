"""Inboxes on the loopback, each port a host of its own, that count what they get by activity and inbox.

A script of answers by path; signatures are checked as any other server would. Runs in the test's own loop.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web


@dataclass(frozen=True)
class Post:
    """A POST as it came."""

    host: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    id: str

    @property
    def url(self) -> str:
        return f"http://{self.host}{self.path}"


@dataclass
class Reply:
    """What an inbox says. `held` is waited for before it says anything."""

    status: int = 202
    headers: Mapping[str, str] = field(default_factory=dict)
    held: asyncio.Event | None = None


def status(number: int, **headers: str) -> Reply:
    """A reply of that status; header names are written with underscores."""
    return Reply(number, {name.replace("_", "-"): value for name, value in headers.items()})


Script = Callable[[Post], Reply]


class Inboxes:
    """So many hosts. `replies` by host name or `host/path`: a script, or 202 where there is none."""

    def __init__(self, hosts: int = 1) -> None:
        self.posts: list[Post] = []
        self.replies: dict[str, Script] = {}
        self.hosts: list[str] = []
        self.under_way: Counter[str] = Counter()
        self.most_at_once: dict[str, int] = defaultdict(int)
        self._wanted = hosts
        self._came = asyncio.Condition()

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/{rest:.*}", self._take)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        for _ in range(self._wanted):
            site = web.TCPSite(self._runner, "127.0.0.1", 0)
            await site.start()
        self.hosts = [f"127.0.0.1:{address[1]}" for address in self._runner.addresses]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def counts(self) -> Counter[tuple[str, str]]:
        """How often each activity came to each inbox."""
        return Counter((post.id, post.url) for post in self.posts)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until this holds; it is asked whenever something came or was answered."""
        async with asyncio.timeout(30), self._came:
            await self._came.wait_for(holds)

    async def quiet(self) -> None:
        """Wait until all that a process has sent which is no more was taken."""
        for host in self.hosts:
            # Behind every connection that it had opened and nobody had accepted yet.
            name, _, port = host.partition(":")
            reader, writer = await asyncio.open_connection(name, int(port))
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            await reader.read()
            writer.close()
            await writer.wait_closed()
        server = self._runner.server
        assert server is not None
        async with asyncio.timeout(30):
            while server.connections:  # noqa: ASYNC110
                # What was sent is read before the end is; aiohttp tells nobody of an end.
                await asyncio.sleep(0)

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        host = request.headers["Host"]
        content: Mapping[str, Any] = json.loads(body)
        post = Post(host, request.path_qs, dict(request.headers), body, content["id"])
        self.posts.append(post)
        self.under_way[host] += 1
        self.most_at_once[host] = max(self.most_at_once[host], self.under_way[host])
        await self._tell()
        script = self.replies.get(host + post.path) or self.replies.get(host)
        reply = script(post) if script is not None else Reply()
        try:
            if reply.held is not None:
                await reply.held.wait()
        finally:
            self.under_way[host] -= 1
            await self._tell()
        return web.Response(status=reply.status, headers=reply.headers)

    async def _tell(self) -> None:
        async with self._came:
            self._came.notify_all()
