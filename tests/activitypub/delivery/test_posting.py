"""One POST, and inboxes that answer it badly."""

import asyncio
import contextlib
import socket

import pytest

from activitypub.delivery.jobs import Fault
from activitypub.delivery.posting import Answer, post
from activitypub.delivery.signing import SignedPost
from activitypub.fetching.guard import open_session, public_or_loopback

HEAD = b"HTTP/1.1 %s\r\nRetry-After: 7\r\nContent-Length: 10\r\n\r\nhalf"


async def posted(says: bytes, *, hangs: bool) -> Answer | Fault:
    """What comes of a POST to an inbox that says so much, and then nothing more or breaks off."""
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(says)
        await writer.drain()
        if hangs:
            await ended.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    place = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/inbox"
    async with server, open_session(user_agent="test", allowed=public_or_loopback) as session:
        try:
            # Long where nothing hangs, so that no slow machine is taken for one that does.
            return await post(session, SignedPost(place, (), b"{}"), seconds=1.0 if hangs else 30.0)
        finally:
            ended.set()


@pytest.mark.parametrize("hangs", [True, False], ids=["hangs", "breaks off"])
@pytest.mark.parametrize("status", [202, 401, 503])
async def test_a_status_holds_whatever_becomes_of_the_rest(status: int, hangs: bool) -> None:
    """Else what an inbox has taken would be sent again, as often as there are attempts."""
    assert await posted(HEAD % str(status).encode(), hangs=hangs) == Answer(status, "7")


async def test_where_no_status_comes_there_is_no_answer() -> None:
    assert await posted(b"HTTP/1.1 2", hangs=True) is Fault.TIMEOUT
    assert await posted(b"HTTP/1.1 2", hangs=False) is Fault.BROKEN_OFF


async def test_a_server_that_takes_no_connection_is_not_waited_for_as_long_as_one_that_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("activitypub.delivery.posting.CONNECT_SECONDS", 0.2)
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as opened:
        full = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        # Nobody accepts: what comes when the queue is full is dropped, as by a firewall.
        for _ in range(4):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        place = f"http://127.0.0.1:{full.getsockname()[1]}/inbox"
        async with open_session(user_agent="test", allowed=public_or_loopback) as session:
            began = loop.time()
            assert await post(session, SignedPost(place, (), b"{}"), seconds=40.0) is Fault.TIMEOUT
            assert loop.time() - began < 40
