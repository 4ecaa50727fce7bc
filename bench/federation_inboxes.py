"""Inboxes of many hosts on loopback, in a process of their own: each POST is answered with 202 and counted.

`python -m bench.federation_inboxes HOSTS` prints its ports. `GET /` answers with how many POSTs came so far
and when the last one did, by the clock that all processes share.
"""

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self, cast

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Count:
    posts: int = 0
    last: float = 0.0


class _Inbox(asyncio.Protocol):
    def __init__(self, counted: Count) -> None:
        self._counted = counted
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head := self._buffer.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._buffer, 0, head + 2)
            end = head + 4 + int(found[1] if found else 0)
            if len(self._buffer) < end:
                return
            is_post = self._buffer.startswith(b"POST ")
            self._buffer = self._buffer[end:]
            self._transport.write(self._taken() if is_post else self._told())

    def _taken(self) -> bytes:
        self._counted.posts += 1
        self._counted.last = time.monotonic()
        return _ACCEPTED

    def _told(self) -> bytes:
        body = json.dumps([self._counted.posts, self._counted.last]).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Inboxes:
    """The process, as who measures sees it."""

    def __init__(self, hosts: int) -> None:
        self._hosts = hosts

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "bench.federation_inboxes", str(self._hosts)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.ports: Sequence[int] = json.loads(cast(IO[str], self._process.stdout).readline())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def count(self) -> Count:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[0]}/", timeout=10) as answer:
            return Count(*json.load(answer))


async def _serve(hosts: int) -> None:
    counted = Count()
    loop = asyncio.get_running_loop()
    ports = []
    for _ in range(hosts):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        ports.append(listener.getsockname()[1])
        await loop.create_server(lambda: _Inbox(counted), sock=listener, backlog=256)
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
