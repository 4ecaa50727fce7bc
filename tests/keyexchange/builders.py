"""Devices and frames to play the exchange with. Every byte is a hash of a name: no secret is used."""

import json
import uuid
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.protocol.device_hash import DeviceHash, device_hash
from devices.protocol.encoding import b64url
from keyexchange.protocol.exchange import Sender
from keyexchange.protocol.frames import ExchangeId, Frame, parse

ACCOUNT = "alice@example.org"


def thirty_two(name: str) -> bytes:
    return sha256(name.encode()).digest()


def exchange_id(name: str) -> ExchangeId:
    return ExchangeId(str(uuid.uuid5(uuid.NAMESPACE_URL, name)))


@cache
def _private_key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(thirty_two(f"{name} key"))


@dataclass(frozen=True)
class Actor:
    """A device that speaks: builds its frames as JSON text and is their Sender."""

    name: str
    active: bool = True
    login: int = 1

    @property
    def private_key(self) -> Ed25519PrivateKey:
        return _private_key(self.name)

    @property
    def key(self) -> bytes:
        return self.private_key.public_key().public_bytes_raw()

    @property
    def challenge(self) -> bytes:
        return thirty_two(f"{self.name} challenge {self.login}")

    @property
    def hash(self) -> DeviceHash:
        return device_hash(ACCOUNT, self.key, self.challenge)

    def logged_in_again(self) -> "Actor":
        """The same device and key with a new challenge, and so with a new hash."""
        return replace(self, login=self.login + 1)

    @property
    def sender(self) -> Sender:
        return Sender(self.hash, b64url(self.key), self.active)

    def own(self) -> dict[str, Any]:
        return {"device": self.hash, "device_key": b64url(self.key)}

    def fields(self, kind: str, exchange: ExchangeId, **changes: Any) -> dict[str, Any]:
        """The frame of this type as a dict of good shape, with `changes` on top."""
        value = b64url(thirty_two(f"{self.name} {kind} {exchange}"))
        fields: dict[str, Any] = {
            "request": {
                "to": None,
                "suites": "x25519",
                **self.own(),
                "challenge": b64url(self.challenge),
                "commitment": value,
            },
            "accept": {
                "suite": "x25519",
                "method": "code",
                **self.own(),
                "ephemeral_key": value,
                "nonce": value,
            },
            "reveal": {"ephemeral_key": value, "nonce": value},
            "prove": {"sealed": b64url(bytes(80))},
            "deliver": {"sealed": b64url(bytes(2000))},
            "ack": {"sealed": b64url(bytes(16))},
            "cancel": {"reason": "user"},
        }[kind]
        return {"type": kind, "exchange": exchange, **fields, **changes}

    def text(self, kind: str, exchange: ExchangeId, **changes: Any) -> str:
        return json.dumps(self.fields(kind, exchange, **changes))

    def frame(self, kind: str, exchange: ExchangeId, **changes: Any) -> Frame:
        return parse(self.text(kind, exchange, **changes))


NEW = Actor("new phone", active=False)
LAPTOP = Actor("laptop")
TABLET = Actor("tablet")
STRANGER = Actor("stranger")
X = exchange_id("x")

STORY = (
    (NEW, "request"),
    (LAPTOP, "accept"),
    (NEW, "reveal"),
    (NEW, "prove"),
    (LAPTOP, "deliver"),
    (NEW, "ack"),
)
"""The whole exchange, who sends what."""
