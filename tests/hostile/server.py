"""The hostile server's HTTP and socket: as much of the protocol as two clients need for a handoff.

It lets everyone in and checks nothing, for it is the adversary; what it says of the account and
what it does with frames is the attack's. Loopback only.
"""

import asyncio
import json
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

import jwt
import pysequoia
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from client.protocol.device_hash import device_hash
from client.protocol.encoding import DeviceHash, b64url, b64url_decode, key_bytes
from client.protocol.published import Published, PublishedDevice
from tests.hostile.world import USERNAME, Role, World

API = "/api/hvx/v1/"
SUBPROTOCOL = "hvx.keyexchange.v1"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Answer = tuple[int, object]


class Adversary(Protocol):
    """Who decides what the server does."""

    world: World

    def published(self) -> Published:
        """What it says of the account."""

    def heard(self, role: Role, text: str) -> None:
        """A device sent a frame."""


class HostileServer:
    """Listens on a free loopback port from the start; answers within `serving`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://localhost:{self._listener.getsockname()[1]}"
        self.mail: dict[Role, asyncio.Queue[str]] = {"new": asyncio.Queue(), "existing": asyncio.Queue()}
        self._adversary: Adversary | None = None
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._roles: dict[str, Role] = {}
        self._tokens: dict[str, Role] = {}
        self._token_key = Ed25519PrivateKey.generate()
        self._secret: str | None = None
        self._refused: dict[Role, str] = {}
        self._hang_up: dict[Role, asyncio.Event] = {"new": asyncio.Event(), "existing": asyncio.Event()}

    async def start(self, adversary: Adversary) -> None:
        """Answer as the adversary wants."""
        self._adversary = adversary
        config = uvicorn.Config(
            self._application,
            interface="asgi3",
            ws="websockets-sansio",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))

    def refuse(self, role: Role, words: str) -> None:
        """Close that device's socket, and answer it from now on by a problem of these words."""
        self._refused[role] = words
        self._hang_up[role].set()

    async def stop(self) -> None:
        """Close every connection."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        self._listener.close()

    @property
    def _world(self) -> World:
        assert self._adversary is not None
        return self._adversary.world

    async def _application(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)

    # HTTP

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        raw = b""
        while True:
            message = await receive()
            raw += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, content = self._answer(
            scope["method"], scope["path"].removeprefix(API), _header(scope, "dpop"), json.loads(raw or b"{}")
        )
        headers = [
            (b"content-type", b"application/problem+json" if status >= 400 else b"application/json"),
            (b"dpop-nonce", secrets.token_urlsafe(8).encode()),
        ]
        body = b"" if content is None else json.dumps(content).encode()
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, method: str, path: str, proof: str, body: dict[str, Any]) -> Answer:
        role = self._roles.get(_key_of(proof)) if proof else None
        if role in self._refused:
            words = self._refused[role]
            return 401, {"title": words, "status": 401, "detail": words, "code": words}
        match method, path.rstrip("/").split("/"):
            case "GET", ["instance"]:
                return 200, self._instance()
            case "POST", ["challenges"]:
                return 200, self._challenge(_key_of(proof))
            case "POST", ["accounts"]:
                return 201, self._register(_key_of(proof), body)
            case "POST", ["sessions"]:
                return 200, self._log_in(_key_of(proof))
            case "POST", ["sessions", "refresh" | "activate"]:
                return 200, self._let_in(self._roles[_key_of(proof)])
            case "GET", ["accounts", _]:
                return 200, self._account()
            case "GET", ["accounts", _, "devices"]:
                return 200, self._devices()
            case "PUT", ["me", "secret"]:
                self._secret = body["message"]
                return 204, None
            case "GET", ["me", "secret"] if self._secret is not None:
                return 200, {"message": self._secret}
        return 404, {"type": "about:blank", "title": "Not found", "status": 404, "code": "not_found"}

    def _instance(self) -> dict[str, Any]:
        return {
            "name": "hostile",
            "origin": self.origin,
            "version": "0",
            "software": "hostile",
            "rules": [],
            "limits": {},
            "registration": "open",
        }

    def _challenge(self, key: str) -> dict[str, Any]:
        return {**self._new_device(key, "existing"), "origin": self.origin, "expires_in": 300}

    def _new_device(self, key: str, role: Role) -> dict[str, str]:
        challenge = secrets.token_bytes(32)
        world = self._world
        device = device_hash(world.account, b64url_decode(key), challenge)
        world.devices[role] = PublishedDevice(device, b64url_decode(key), challenge)
        self._roles[key] = role
        return {"challenge": b64url(challenge), "device": device, "account": world.account}

    def _register(self, key: str, body: dict[str, Any]) -> dict[str, Any]:
        world = self._world
        challenge = key_bytes(body["challenge"])
        device = device_hash(world.account, b64url_decode(key), challenge)
        mine = PublishedDevice(device, b64url_decode(key), challenge, certificate=body["certificate"])
        fingerprint = pysequoia.Cert.from_bytes(body["public_key"].encode()).fingerprint.upper()
        world.devices["existing"] = mine
        world.truth = Published(fingerprint, body["public_key"], devices={device: mine})
        told = self._account_of(fingerprint)
        return {"account": told, "warnings": ["back_up_account_key"]} | self._let_in("existing")

    def _log_in(self, key: str) -> dict[str, Any]:
        fresh = self._new_device(key, "new")
        told = self._told()
        listed = [
            {
                "device": device,
                "name": "first device",
                "platform": "Linux",
                "last_seen_at": "2100-01-01T00:00:00Z",
                "online": True,
            }
            for device in told.devices
        ]
        return (
            self._let_in("new")
            | fresh
            | {"account": self._account_of(told.fingerprint), "devices": listed, "state": "pending"}
        )

    def _let_in(self, role: Role) -> dict[str, Any]:
        scope = "full" if role == "existing" else "pending"
        now = int(time.time())
        claims = {
            "iss": self.origin,
            "aud": self.origin,
            "sub": "1",
            "scope": scope,
            "username": USERNAME,
            "device": self._device(role),
            "iat": now,
            "exp": now + 600,
            "jti": secrets.token_urlsafe(8),
        }
        token = jwt.encode(claims, self._token_key, algorithm="EdDSA", headers={"typ": "at+jwt", "kid": "1"})
        self._tokens[token] = role
        return {
            "state": "active" if role == "existing" else "pending",
            "access_token": token,
            "token_type": "DPoP",
            "expires_in": 600,
            "device": self._device(role),
        }

    def _told(self) -> Published:
        assert self._adversary is not None
        return self._adversary.published()

    def _device(self, role: Role) -> DeviceHash:
        return self._world.devices[role].device

    def _account_of(self, fingerprint: str) -> dict[str, str]:
        return {"id": "1", "username": USERNAME, "account": self._world.account, "fingerprint": fingerprint}

    def _account(self) -> dict[str, Any]:
        told = self._told()
        return self._account_of(told.fingerprint) | {"public_key": told.public_key, "transitions": []}

    def _devices(self) -> dict[str, Any]:
        rows = [
            {
                "device": row.device,
                "device_key": b64url(row.device_key),
                "challenge": b64url(row.challenge),
                "certificate": row.certificate,
                "revocation": row.revocation,
                "ended": row.ended,
            }
            for row in self._told().devices.values()
        ]
        return {"next": None, "previous": None, "results": rows}

    # The socket

    async def _socket(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        role = self._tokens.get(_token_of(scope))
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        if role is None:
            await send({"type": "websocket.close", "code": 4401, "reason": "invalid_token"})
            return
        hello = {
            "type": "hello",
            "device": self._device(role),
            "scope": "full" if role == "existing" else "pending",
            "account": self._world.account,
            "time": "2100-01-01T00:00:00Z",
        }
        await send({"type": "websocket.send", "text": json.dumps(hello)})
        tasks = [
            asyncio.create_task(act)
            for act in (self._post(role, send), self._listen(role, receive), self._hang_up[role].wait())
        ]
        try:
            await asyncio.wait(tasks[1:], return_when=asyncio.FIRST_COMPLETED)
            if role in self._refused:
                await send({"type": "websocket.close", "code": 1001, "reason": self._refused[role]})
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _post(self, role: Role, send: Send) -> None:
        while True:
            await send({"type": "websocket.send", "text": await self.mail[role].get()})

    async def _listen(self, role: Role, receive: Receive) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            if self._adversary is not None and message.get("text"):
                self._adversary.heard(role, message["text"])


def _header(scope: Message, name: str) -> str:
    return next((value.decode() for key, value in scope["headers"] if key == name.encode()), "")


def _key_of(proof: str) -> str:
    """The device key in a proof, base64url; whether it signed the proof is all the same here."""
    return str(jwt.get_unverified_header(proof)["jwk"]["x"])


def _token_of(scope: Message) -> str:
    for offered in scope.get("subprotocols", ()):
        if offered.startswith("hvx.bearer."):
            return str(offered.removeprefix("hvx.bearer."))
    return _header(scope, "authorization").partition(" ")[2]
