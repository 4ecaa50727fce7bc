"""The socket of the handoff (PROTOCOL §4): connects, says who it is, and comes back when it breaks."""

import asyncio
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from client.api import is_loopback
from client.faults import ApiError, Fault, NoAnswer
from client.protocol import frames
from client.protocol.frames import Hello, Message
from client.protocol.reading import read
from client.protocol.reasons import Refused
from client.protocol.side import Identity

PATH = "/ws/keyexchange"
SUBPROTOCOL = Subprotocol("hvx.keyexchange.v1")

CLOSED_TOKEN = 4401
CLOSED_REVOKED = 4403
CLOSED_SUPERSEDED = 4409

_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)


class Pass(Protocol):
    """What a socket needs to be let in; asked for anew for each connection."""

    def headers(self, *, again: bool) -> dict[str, str]:
        """`Authorization` and `DPoP` for GET of `PATH`; `again` after a refusal, with a fresh
        token and nonce."""


class Reconnected:
    """The connection broke and is there again: the server repeats what it has for this device."""


class Socket:
    """Frames in, texts out, across broken connections."""

    def __init__(self, identity: Identity, entry: Pass) -> None:
        self._identity = identity
        self._entry = entry
        self._connection: ClientConnection | None = None
        self._was_open = False
        self._news = False
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> "Socket":
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._connection is not None:
            # The close handshake: what was sent before it has arrived.
            await self._connection.close()

    async def next(self) -> Message | Reconnected | Refused:
        """The next frame; a broken one as the `Refused` that it is. Waits for as long as it takes."""
        while True:
            connection = await self._connected()
            if self._news:
                self._news = False
                return Reconnected()
            try:
                text = await connection.recv()
            except ConnectionClosed as closed:
                self._lost(connection, closed)
                continue
            try:
                message = read(text) if isinstance(text, str) else None
            except Refused as refused:
                return refused
            if message is not None:
                return message

    async def send(self, text: str) -> None:
        """Send, over a new connection if need be; the same text twice does no harm."""
        for _ in range(2):
            connection = await self._connected()
            try:
                await connection.send(text)
                return
            except ConnectionClosed as closed:
                self._lost(connection, closed)
        raise NoAnswer("The connection to the server keeps breaking.")

    def _lost(self, connection: ClientConnection, closed: ConnectionClosed) -> None:
        if self._connection is connection:
            self._connection = None
        _raise_if_final(closed)

    async def _connected(self) -> ClientConnection:
        async with self._opening:
            if self._connection is None:
                await self._open_again()
                self._news = True
            if self._connection is None:
                raise NoAnswer("The connection to the server is gone.")
            return self._connection

    async def _open_again(self) -> None:
        for pause in _PAUSES:
            try:
                await self._open()
                return
            except NoAnswer:
                await asyncio.sleep(pause)
        await self._open()

    async def _open(self) -> None:
        try:
            await self._open_once(again=self._was_open)
        except _RefusedEntry:
            await self._open_once(again=True)
        self._was_open = True

    async def _open_once(self, *, again: bool) -> None:
        headers = await asyncio.to_thread(lambda: self._entry.headers(again=again))
        try:
            connection = await connect(
                _address(self._identity.origin),
                subprotocols=[SUBPROTOCOL],
                additional_headers=headers,
                max_size=2 * frames.MAX_FRAME,
                compression=None,
                proxy=None if is_loopback(self._identity.origin) else True,
                user_agent_header="hvx",
            )
        except (OSError, InvalidHandshake, TimeoutError) as fault:
            raise NoAnswer(f"{self._identity.origin} does not answer ({type(fault).__name__}).") from fault
        try:
            self._check_hello(await asyncio.wait_for(connection.recv(), timeout=10))
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else None
            if code == CLOSED_TOKEN and not again:
                raise _RefusedEntry from closed
            _raise_if_final(closed)
            raise NoAnswer("The server closed the connection at once.") from closed
        except BaseException:
            await connection.close()
            raise
        self._connection = connection

    def _check_hello(self, text: str | bytes) -> None:
        hello = read(text) if isinstance(text, str) else None
        if not isinstance(hello, Hello):
            raise NoAnswer("The server did not greet as the protocol says.")
        if (hello.device, hello.account) != (self._identity.device, self._identity.account):
            raise Fault("The server takes this device for another one.")


class _RefusedEntry(Exception):
    """The token or the proof's nonce was too old."""


def _address(origin: str) -> str:
    scheme, host, _, _, _ = urlsplit(origin)
    return urlunsplit(("wss" if scheme == "https" else "ws", host, PATH, "", ""))


def _raise_if_final(closed: ConnectionClosed) -> None:
    code = closed.rcvd.code if closed.rcvd else None
    if code == CLOSED_REVOKED:
        raise ApiError(401, "device_revoked") from closed
    if code == CLOSED_SUPERSEDED:
        raise Fault("This device opened another connection; this one has ended.") from closed
    if code == CLOSED_TOKEN:
        raise ApiError(401, "invalid_token") from closed
