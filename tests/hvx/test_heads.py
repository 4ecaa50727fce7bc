"""How long the head of a request may take."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from hvx.serving import heads

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def application(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(heads, "HEAD_SECONDS", 0.1)
    config = uvicorn.Config(application, http=heads.BoundedHeads, log_config=None)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: heads.BoundedHeads(config, state, {}), "127.0.0.1", 0
    )
    yield server.sockets[0].getsockname()[1]
    server.close()
    for connection in list(state.connections):
        connection.transport.abort()
    await server.wait_closed()


async def answers(port: int, *parts: bytes) -> int:
    """How many answers come before the server closes, after these parts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    try:
        for part in parts:
            writer.write(part)
            if part.endswith(b"\r\n\r\n"):
                await reader.readuntil(b"\r\n\r\n")
                count += 1
        assert await reader.read() == b""
    except ConnectionError:
        pass
    finally:
        writer.close()
    return count


async def test_who_sends_nothing_is_not_waited_for(port: int) -> None:
    assert await answers(port) == 0


async def test_half_a_head_is_not_waited_for(port: int) -> None:
    assert await answers(port, REQUEST[:20]) == 0


async def test_half_a_second_head_is_not_waited_for_either(port: int) -> None:
    assert await answers(port, REQUEST, REQUEST, REQUEST[:20]) == 2


async def test_a_head_that_came_whole_bounds_nothing_behind_it(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    loop = asyncio.get_running_loop()
    writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\na")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")
    passed = loop.create_future()
    loop.call_later(2 * heads.HEAD_SECONDS, passed.set_result, None)
    await passed
    writer.write(b"b" + REQUEST)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")
    writer.close()
