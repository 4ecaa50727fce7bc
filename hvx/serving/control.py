"""The server's end of the operator's socket (vault.control): bounded, so that no client of it does harm."""

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import AsyncGenerator, Callable
from typing import Any

from vault.control import LONGEST

MOST_CLIENTS = 32
# A command asks at once, and reads at once: one that hangs is not waited for.
PATIENCE = 10.0
_PEER = struct.Struct("3i")

Answers = Callable[[dict[str, Any]], AsyncGenerator[dict[str, Any], None]]


class ControlSocket:
    """Hears requests on a listening socket between `open` and `close`; what is being answered goes on."""

    def __init__(self, listener: socket.socket, answers: Answers) -> None:
        self._listener = listener
        self._answers = answers
        self._server: asyncio.Server | None = None
        self._clients = 0
        self._answering = 0
        self._idle = asyncio.Event()

    async def open(self) -> None:
        # A copy: closing a server closes its socket, and another process may go on with this one.
        self._server = await asyncio.start_unix_server(
            self._client, sock=self._listener.dup(), limit=LONGEST, start_serving=True
        )

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def drain(self) -> None:
        """Wait until whoever asked has heard everything, and not for who has not asked."""
        if self._answering:
            self._idle.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), PATIENCE)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            if self._clients <= MOST_CLIENTS and _is_own(writer):
                async with asyncio.timeout(PATIENCE):
                    request = await _request(reader)
                await self._answer(request, writer)
        except (ConnectionError, TimeoutError):
            pass
        finally:
            self._clients -= 1
            if writer.transport.get_write_buffer_size():
                # A client that does not read: what it was to be told is not kept for it.
                writer.transport.abort()
            writer.close()

    async def _answer(self, request: dict[str, Any] | None, writer: asyncio.StreamWriter) -> None:
        self._answering += 1
        answers = _refusal() if request is None else self._answers(request)
        try:
            async with contextlib.aclosing(answers):
                async for answer in answers:
                    writer.write(json.dumps(answer).encode() + b"\n")
                    async with asyncio.timeout(PATIENCE):
                        await writer.drain()
        finally:
            self._answering -= 1
            if not self._answering:
                self._idle.set()


async def _request(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    try:
        request = json.loads(await reader.readuntil(b"\n"))
    except (asyncio.LimitOverrunError, asyncio.IncompleteReadError, ValueError, RecursionError):
        return None
    return request if type(request) is dict else None


async def _refusal() -> AsyncGenerator[dict[str, Any], None]:
    yield {"error": f"a request is one JSON object on a line of at most {LONGEST} bytes"}


def _is_own(writer: asyncio.StreamWriter) -> bool:
    """Whether the other end runs as this process's user, or as root, who may do everything anyway."""
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return _PEER.unpack(peer)[1] in (0, os.geteuid())
