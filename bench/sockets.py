"""A WebSocket client that costs next to nothing, so that the server is what is measured.

Text frames in one piece, pings answered, no extensions (RFC 6455). The mask is zero: it protects
proxies from pages, and here is neither.
"""

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import cast

_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA


class SocketFailed(AssertionError):
    """The server refused or closed a socket."""


def text_frame(text: str) -> bytes:
    """A masked text frame."""
    return _frame(_TEXT, text.encode())


def _frame(opcode: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        head = struct.pack(">BB", 0x80 | opcode, 0x80 | length)
    else:
        head = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, length)
    return head + bytes(4) + payload


class Socket(asyncio.Protocol):
    """One socket. Texts go to `on_text`; the end, if nobody asked for it, is raised by `check`."""

    def __init__(self, path: str, headers: Sequence[str]) -> None:
        self.path = path
        self.headers = headers
        self.on_text: Callable[[bytes], None] = self._keep
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.early: bytes | None = None
        self.failure: SocketFailed | None = None
        self.on_failure: Callable[[], None] = lambda: None
        self._buffer = bytearray()
        self._upgraded = False
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        lines = [
            f"GET {self.path} HTTP/1.1",
            "Host: bench.localhost",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            *self.headers,
        ]
        self.transport.write("\r\n".join([*lines, "", ""]).encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if b" 101 " not in self._buffer[: end + 4]:
                self._fail(self._buffer.decode(errors="replace"))
                return
            del self._buffer[: end + 4]
            self._upgraded = True
            self.opened.set_result(None)
        while self._take_frame():
            pass

    def _take_frame(self) -> bool:
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        opcode, length, start = buffer[0] & 0x0F, buffer[1], 2
        if length == 126:
            length, start = int.from_bytes(buffer[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < start + length:
            return False
        payload = bytes(buffer[start : start + length])
        del buffer[: start + length]
        if opcode == _TEXT:
            self.on_text(payload)
        elif opcode == _PING:
            self.transport.write(_frame(_PONG, payload))
        elif opcode == _CLOSE:
            self._fail(f"closed by the server: {payload!r}")
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._fail("the connection is gone")

    def close(self) -> None:
        self._closing = True
        self.transport.write(_frame(_CLOSE, b""))
        self.transport.close()

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _fail(self, text: str) -> None:
        if self._closing or self.failure is not None:
            return
        self.failure = SocketFailed(f"{self.path}: {text}")
        if not self.opened.done():
            self.opened.set_exception(self.failure)
        self.on_failure()

    def _keep(self, text: bytes) -> None:
        """A frame that came on the heels of the upgrade, before anybody asked for one."""
        self.early = text


async def open_socket(port: int, path: str, headers: Sequence[str] = ()) -> Socket:
    """An upgraded socket to the loopback port."""
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(lambda: Socket(path, headers), "127.0.0.1", port)
    await socket.opened
    return socket
