"""What an attack works with: two devices, an account, forged keys, and the hands of an obliging user."""

import hashlib
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from client.protocol.device_hash import device_hash
from client.protocol.encoding import DeviceHash, account_at
from client.protocol.published import Published, PublishedDevice
from client.protocol.statements import DeviceStatement
from tests.openpgp import OpenPGPKey, make_key

Role = Literal["new", "existing"]
Dice = Callable[[int], bytes]
"""So many fresh bytes, at each call."""

USERNAME = "alice"


def other(role: Role) -> Role:
    """The role of the other device."""
    return "existing" if role == "new" else "new"


def seeded(seed: str) -> Dice:
    """Bytes that look random and are the same in every run."""
    drawn = 0

    def roll(count: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.shake_256(f"{seed}/{drawn}".encode()).digest(count)

    return roll


class Stage(Protocol):
    """What an attack can make happen. Calls return at once; what follows comes back as an event."""

    def tell(self, role: Role, text: str) -> None:
        """Send a text to that device's socket, as the server."""

    def type(self, role: Role, digits: str) -> None:
        """The user types these digits there, as soon as the device asks for any."""

    def scan(self, text: str) -> None:
        """The user holds this QR code before the existing device, which begins to wait for its offer."""

    def advance(self, role: Role, seconds: float) -> None:
        """That device's clock goes forward."""


@dataclass
class World:
    """`truth` is what an honest server would publish; `devices` are the real ones, once they are known."""

    origin: str
    dice: Dice = os.urandom
    make_key: Callable[[str], OpenPGPKey] = make_key
    devices: dict[Role, PublishedDevice] = field(default_factory=dict)
    truth: Published | None = None

    @property
    def account(self) -> str:
        """The account that everything here is about."""
        return account_at(USERNAME, self.origin)

    def exchange(self) -> str:
        """A fresh exchange id."""
        return str(uuid.UUID(bytes=self.dice(16), version=4))

    def key(self) -> OpenPGPKey:
        """An account key of the attacker's own making."""
        return self.make_key(self.account)


@dataclass(frozen=True)
class Puppet:
    """A device that the server plays, with everything that one exchange needs."""

    device: DeviceHash
    challenge: bytes
    device_key: Ed25519PrivateKey = field(repr=False)
    ephemeral_key: X25519PrivateKey = field(repr=False)
    nonce: bytes

    @classmethod
    def of(cls, world: World) -> Self:
        """A new one, whose hash fits the account."""
        device_key = Ed25519PrivateKey.from_private_bytes(world.dice(32))
        challenge = world.dice(32)
        return cls(
            device=device_hash(world.account, device_key.public_key().public_bytes_raw(), challenge),
            challenge=challenge,
            device_key=device_key,
            ephemeral_key=X25519PrivateKey.from_private_bytes(world.dice(32)),
            nonce=world.dice(32),
        )

    @property
    def public_key(self) -> bytes:
        """The device key's public half."""
        return self.device_key.public_key().public_bytes_raw()

    @property
    def ephemeral_public(self) -> bytes:
        """The ephemeral key's public half."""
        return self.ephemeral_key.public_key().public_bytes_raw()

    def certified(self, world: World, key: OpenPGPKey) -> PublishedDevice:
        """The device as it is published, certified by an account key."""
        bare = PublishedDevice(self.device, self.public_key, self.challenge)
        return replace(bare, certificate=certify(world, key, bare))


def certify(world: World, key: OpenPGPKey, device: PublishedDevice) -> str:
    """A certificate for `device` by `key`, armored."""
    statement = DeviceStatement(
        world.origin, world.account, key.fingerprint, device.device, device.device_key, device.challenge
    )
    return key.sign(statement.certificate())


def publish(key: OpenPGPKey, *devices: PublishedDevice) -> Published:
    """The account as a server publishes it."""
    return Published(
        fingerprint=key.fingerprint,
        public_key=key.public,
        devices={device.device: device for device in devices},
    )
