"""The socket against a server that closes, greets wrongly, breaks off and comes back."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from client.faults import ApiError, Fault, NoAnswer
from client.protocol.encoding import host_of
from client.protocol.frames import Expired
from client.protocol.reasons import Reason, Refused
from client.protocol.side import Identity
from client.socket import PATH, SUBPROTOCOL, Reconnected, Socket
from tests.client.pair import EXCHANGE, identity

Behaviour = Callable[[ServerConnection], Awaitable[None]]

EXPIRED = json.dumps({"type": "expired", "exchange": EXCHANGE})


class Entry:
    """Counts how often it was asked for a pass, and whether for a fresh one."""

    def __init__(self) -> None:
        self.asked: list[bool] = []

    def headers(self, *, again: bool) -> dict[str, str]:
        self.asked.append(again)
        return {"Authorization": f"DPoP token{len(self.asked)}", "DPoP": "proof"}


def _hello(who: Identity, **changes: str) -> str:
    return json.dumps(
        {
            "type": "hello",
            "device": who.device,
            "account": who.account,
            "scope": "full",
            "time": "",
            **changes,
        }
    )


@asynccontextmanager
async def _server(*behaviours: Behaviour) -> AsyncIterator[tuple[Identity, Entry, list[ServerConnection]]]:
    """A server whose n-th connection behaves as the n-th says, the last for all that follow."""
    connections: list[ServerConnection] = []

    async def handle(connection: ServerConnection) -> None:
        connections.append(connection)
        await behaviours[min(len(connections), len(behaviours)) - 1](connection)

    async with serve(handle, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL]) as server:
        port = server.sockets[0].getsockname()[1]
        origin = f"http://127.0.0.1:{port}"
        who = identity("socket", account=f"alice@{host_of(origin)}", origin=origin)
        yield who, Entry(), connections


def _closing(code: int, reason: str = "") -> Behaviour:
    async def close(connection: ServerConnection) -> None:
        await connection.close(code, reason)

    return close


def _greeting(*texts: str, then: Behaviour | None = None, **changes: str) -> Behaviour:
    async def greet(connection: ServerConnection) -> None:
        assert connection.request is not None
        host = connection.request.headers["Host"]
        origin = f"http://{host}"
        await connection.send(_hello(identity("socket", account=f"alice@{host}", origin=origin), **changes))
        for text in texts:
            await connection.send(text)
        if then is not None:
            await then(connection)
        else:
            await connection.wait_closed()

    return greet


async def _breaking(connection: ServerConnection) -> None:
    connection.transport.abort()


async def test_a_socket_that_is_greeted_as_another_device_or_account_is_not_used() -> None:
    for change in ({"device": identity("other").device}, {"account": "mallory@example.org"}):
        async with _server(_greeting(**change)) as (who, entry, _):
            with pytest.raises(Fault, match="another"):
                await Socket(who, entry).__aenter__()


@pytest.mark.parametrize("text", [EXPIRED, "hello", "[]"])
async def test_a_socket_that_is_not_greeted_is_not_used(text: str) -> None:
    async def silent(connection: ServerConnection) -> None:
        await connection.send(text)
        await connection.wait_closed()

    async with _server(silent) as (who, entry, _):
        with pytest.raises((NoAnswer, Refused)):
            await Socket(who, entry).__aenter__()


async def test_a_refused_token_is_renewed_once_and_not_twice() -> None:
    behaviours = (_closing(4401, "use_dpop_nonce"), _greeting())
    async with _server(*behaviours) as (who, entry, _), Socket(who, entry):
        assert entry.asked == [False, True]
    async with _server(_closing(4401, "invalid_token")) as (who, entry, _):
        with pytest.raises(ApiError) as refused:
            await Socket(who, entry).__aenter__()
        assert refused.value.code == "invalid_token"
        assert entry.asked == [False, True]


async def test_a_revoked_device_is_told_so_and_does_not_come_back() -> None:
    async with _server(_closing(4403)) as (who, entry, connections):
        with pytest.raises(ApiError) as refused:
            await Socket(who, entry).__aenter__()
        assert refused.value.code == "device_revoked"
        assert len(connections) == 1


async def test_a_socket_that_a_newer_one_replaced_does_not_fight_for_its_place() -> None:
    async with (
        _server(_greeting(then=_closing(4409))) as (who, entry, connections),
        Socket(who, entry) as socket,
    ):
        with pytest.raises(Fault, match="another connection"):
            await socket.next()
        assert len(connections) == 1


async def test_token_and_proof_stand_in_headers_and_the_protocol_in_its_own() -> None:
    async with _server(_greeting()) as (who, entry, connections), Socket(who, entry):
        request = connections[0].request
        assert request is not None
        assert request.path == PATH
        assert request.headers["Authorization"] == "DPoP token1"
        assert request.headers["DPoP"] == "proof"
        assert connections[0].subprotocol == SUBPROTOCOL


async def test_a_broken_connection_is_made_anew_and_that_is_told_before_any_frame() -> None:
    behaviours = (_greeting(then=_breaking), _greeting(EXPIRED))
    async with _server(*behaviours) as (who, entry, _), Socket(who, entry) as socket:
        assert isinstance(await socket.next(), Reconnected)
        assert await socket.next() == Expired(EXCHANGE)
        assert entry.asked == [False, True]


async def test_a_text_is_sent_over_a_new_connection_where_the_old_one_broke() -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def listen(connection: ServerConnection) -> None:
        async for text in connection:
            assert isinstance(text, str)
            await heard.put(text)

    behaviours = (_greeting(then=_closing(1011)), _greeting(then=listen))
    async with _server(*behaviours) as (who, entry, connections), Socket(who, entry) as socket:
        await connections[0].wait_closed()
        await socket.send("one")
        assert isinstance(await socket.next(), Reconnected)
        await socket.send("two")
        assert [await heard.get(), await heard.get()] == ["one", "two"]


async def test_a_broken_frame_is_handed_on_as_the_refusal_that_it_is() -> None:
    async with _server(_greeting("{", EXPIRED)) as (who, entry, _), Socket(who, entry) as socket:
        refused = await socket.next()
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.BAD_FRAME
        assert await socket.next() == Expired(EXCHANGE)


async def test_bytes_and_unknown_frames_are_passed_over() -> None:
    async def odd(connection: ServerConnection) -> None:
        await connection.send(b"bytes")
        await connection.send('{"type": "news"}')
        await connection.send(EXPIRED)
        await connection.wait_closed()

    async with _server(_greeting(then=odd)) as (who, entry, _), Socket(who, entry) as socket:
        assert await socket.next() == Expired(EXCHANGE)


async def test_a_server_that_is_not_there_is_said_to_be_so() -> None:
    async with _server(_greeting()) as (who, entry, _):
        pass
    with pytest.raises(NoAnswer, match="does not answer"):
        await Socket(who, entry).__aenter__()
