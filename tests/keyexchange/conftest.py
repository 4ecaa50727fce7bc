"""A real account with real devices, and sockets that their tokens and proofs open."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import jwt
import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from django.conf import settings
from django.urls import path
from django.utils import timezone

from accounts.models import Account
from devices import nonces, push, state, token_keys, tokens
from devices.models import Device, DeviceKind, DeviceState
from devices.protocol.encoding import b64url
from keyexchange.consumers import SUBPROTOCOL, KeyExchangeConsumer
from keyexchange.store import exchange_store
from keyexchange.store.base import ExchangeStore
from tests.keyexchange.builders import LAPTOP, NEW, TABLET, Actor

PATH = "/ws/keyexchange"
Message = dict[str, Any]
Headers = Sequence[tuple[bytes, bytes]]
PATIENCE = 10.0
"""Seconds for something that must happen; only a failing test waits so long."""


class Clock:
    """A clock that a test moves. It starts at the true time, since tokens are checked by that."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Socket:
    """One client's end of a socket, by the ASGI specification."""

    def __init__(self, application: Any, headers: Headers, subprotocols: Sequence[str]) -> None:
        scope = {
            "type": "websocket",
            "path": PATH,
            "query_string": b"",
            "headers": list(headers),
            "subprotocols": list(subprotocols),
        }
        self.to_server: asyncio.Queue[Message] = asyncio.Queue()
        self.from_server: asyncio.Queue[Message] = asyncio.Queue()
        self.gone = False
        self.missed = asyncio.Event()
        self.served = asyncio.create_task(application(scope, self.to_server.get, self.take))

    async def take(self, message: Message) -> None:
        """What the server sends; once the client is `gone` it fails, as uvicorn's send does."""
        if self.gone:
            self.missed.set()
            raise OSError
        await self.from_server.put(message)

    async def next(self, kind: str) -> Message:
        """The server's next message, which must be of this kind."""
        async with asyncio.timeout(PATIENCE):
            message = await self.from_server.get()
        assert message["type"] == kind, message
        return message

    async def open(self) -> str | None:
        """Shake hands, which the server always completes; gives the subprotocol that it chose."""
        await self.to_server.put({"type": "websocket.connect"})
        chosen: str | None = (await self.next("websocket.accept"))["subprotocol"]
        return chosen

    async def say(self, frame: str | bytes) -> None:
        kind = "text" if isinstance(frame, str) else "bytes"
        await self.to_server.put({"type": "websocket.receive", kind: frame})

    async def text(self) -> str:
        """The next frame from the server, as it came."""
        text: str = (await self.next("websocket.send"))["text"]
        return text

    async def frame(self) -> dict[str, Any]:
        """The next frame from the server."""
        frame: dict[str, Any] = json.loads(await self.text())
        return frame

    async def closed(self) -> tuple[int, str]:
        """The code and reason with which the server closes, which it must do next."""
        message = await self.next("websocket.close")
        return message["code"], message.get("reason", "")

    async def error(self) -> str:
        frame = await self.frame()
        assert frame["type"] == "error", frame
        code: str = frame["code"]
        return code

    async def silent(self) -> bool:
        """Whether the server has nothing more to say: it answers the next bad frame first."""
        await self.say("no frame")
        return await self.error() == "bad_frame"

    async def close(self) -> None:
        """Close the client's end, and wait until the server has noticed."""
        await self.to_server.put({"type": "websocket.disconnect", "code": 1000})
        async with asyncio.timeout(PATIENCE):
            await self.served


class House:
    """The account and its devices. `connect` opens a device's socket and takes its hello."""

    def __init__(self, clock: Clock, store: ExchangeStore) -> None:
        self.clock = clock
        self.store = store
        self.application = self.worker(store)
        self.open: list[Socket] = []
        self.account = self.move_in("alice")

    def move_in(self, username: str) -> Account:
        """The account that lives here from now on, with devices of its own."""
        self.account = Account.objects.create(
            username=username, email=f"{username}@example.org", public_key="none", fingerprint="A" * 40
        )
        for actor in (LAPTOP, TABLET, NEW):
            self.add(actor)
        return self.account

    def worker(self, store: ExchangeStore) -> Any:
        """The application as one worker with this store runs it."""
        consumer = KeyExchangeConsumer.as_asgi(clock=self.clock, store=store)
        return URLRouter([path("ws/keyexchange", consumer)])

    def add(self, actor: Actor, **fields: Any) -> Device:
        return Device.objects.create(
            **{
                "account": self.account,
                "kind": DeviceKind.DEVICE,
                "state": DeviceState.ACTIVE if actor.active else DeviceState.PENDING,
                "hash": actor.hash,
                "key": actor.key,
                "challenge": actor.challenge,
                "name": actor.name,
                "platform": "Linux",
                "last_seen_at": timezone.now(),
                **fields,
            }
        )

    def token(self, actor: Actor, scope: str = "") -> str:
        return tokens.issue(
            account_id=str(self.account.id),
            username="alice",
            email="alice@example.org",
            device=actor.hash,
            scope=scope or ("full" if actor.active else "pending"),
            jkt=None,
        )

    def proof(self, actor: Actor) -> str:
        return jwt.encode(
            {
                "htm": "GET",
                "htu": f"http://{settings.HVX_HOST}{PATH}",
                "iat": int(time.time()),
                "jti": str(uuid.uuid4()),
                "nonce": nonces.current(),
            },
            actor.private_key,
            algorithm="EdDSA",
            headers={"typ": "dpop+jwt", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": b64url(actor.key)}},
        )

    async def socket(
        self,
        actor: Actor,
        *,
        application: Any = None,
        subprotocols: tuple[str, ...] = (SUBPROTOCOL,),
        token: str | None = None,
        proof: str | None = None,
    ) -> Socket:
        """The socket after the handshake; the server always completes it."""
        token = await sync_to_async(self.token)(actor) if token is None else token
        proof = await sync_to_async(self.proof)(actor) if proof is None else proof
        headers = [(b"authorization", f"Bearer {token}".encode()), (b"dpop", proof.encode())]
        socket = Socket(application or self.application, headers, subprotocols)
        self.open.append(socket)
        assert await socket.open() == (SUBPROTOCOL if SUBPROTOCOL in subprotocols else None)
        return socket

    async def connect(self, actor: Actor, **how: Any) -> Socket:
        socket = await self.socket(actor, **how)
        hello = await socket.frame()
        assert (hello["type"], hello["device"]) == ("hello", actor.hash)
        return socket

    async def leave(self, socket: Socket) -> None:
        self.open.remove(socket)
        await socket.close()

    async def close(self) -> None:
        for socket in self.open:
            await socket.close()
        await self.store.close()


@pytest.fixture
async def house(
    transactional_db: None, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    # The cache was emptied a moment ago, and with it the epoch of this second's nonce.
    monkeypatch.setattr(nonces, "_current", (0, ""))
    state.forget_all()
    token_keys.forget()
    push.bind(asyncio.get_running_loop())
    store = exchange_store()
    house = await sync_to_async(House)(clock, store)
    yield house
    await house.close()
    layer = get_channel_layer()
    await layer.flush()
    if hasattr(layer, "close_pools"):
        await layer.close_pools()
