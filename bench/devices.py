"""The devices of a filled database as they reach a server: their proofs, sockets and requests."""

import asyncio
import json
import secrets
import time
from collections.abc import Iterable, Sequence

import httpx

from bench.handoff import Pair, Party
from bench.http_load import request
from bench.server import ORIGIN, BenchServer
from bench.sockets import Socket, SocketFailed, open_socket
from client.protocol.dpop import proof

API = "/api/hvx/v1"
AT_ONCE = 16


def nonce_of(server: BenchServer) -> str:
    """A nonce that the server takes for the next minute."""
    answer = httpx.get(f"http://127.0.0.1:{server.port}{API}/instance", trust_env=False)
    return answer.headers["DPoP-Nonce"]


def proof_of(party: Party, method: str, path: str, nonce: str) -> str:
    """A `DPoP` header's value."""
    return proof(
        party.key,
        method=method,
        url=ORIGIN + path,
        now=int(time.time()),
        jti=secrets.token_urlsafe(12),
        nonce=nonce,
    )


def proven(parties: Iterable[Party], path: str, body: dict[str, object], nonce: str) -> list[bytes]:
    """POST requests that go by the proof alone, one for each party."""
    sent = json.dumps(body).encode()
    return [request("POST", path, {"DPoP": proof_of(one, "POST", path, nonce)}, sent) for one in parties]


async def open_all(server: BenchServer, pairs: Sequence[Pair]) -> tuple[list[tuple[Socket, Socket]], float]:
    """Every device's socket of the key exchange, and the seconds that opening took."""
    path = "/ws/keyexchange"
    nonce = nonce_of(server)
    parties = [party for pair in pairs for party in (pair.new, pair.existing)]
    headers = [
        (
            "Sec-WebSocket-Protocol: hvx.keyexchange.v1",
            f"Authorization: Bearer {party.token}",
            f"DPoP: {proof_of(party, 'GET', path, nonce)}",
        )
        for party in parties
    ]
    began = time.perf_counter()
    opened = await _each(server.port, path, headers)
    elapsed = time.perf_counter() - began
    return list(zip(opened[::2], opened[1::2], strict=True)), elapsed


async def open_echoes(server: BenchServer, path: str, count: int) -> list[tuple[Socket, Socket]]:
    """`count` pairs of sockets that only echo."""
    opened = await _each(server.port, path, [()] * (2 * count))
    return list(zip(opened[::2], opened[1::2], strict=True))


async def _each(port: int, path: str, headers: Sequence[Sequence[str]]) -> list[Socket]:
    """Sockets with these headers, a few handshakes at a time, each greeted by a `hello` if any is due."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(lines: Sequence[str]) -> Socket:
        async with gate:
            socket = await open_socket(port, path, lines)
            if lines:
                await _hello(socket)
            return socket

    return list(await asyncio.gather(*(one(lines) for lines in headers)))


async def _hello(socket: Socket) -> None:
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    socket.on_text = heard.set_result
    socket.on_failure = lambda: heard.set_exception(socket.failure or AssertionError())
    if (text := socket.early) is not None:
        heard.set_result(text)
    try:
        if b'"hello"' not in (first := await heard):
            raise SocketFailed(f"no hello but {first!r}")
    finally:
        socket.on_failure = lambda: None
