"""Whole handoffs as frames, computed beforehand by the client's own protocol code.

So shapes, sizes and seals are those of two real devices, and no cryptography is done while the
server is measured.
"""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from client.protocol.delivery import AccountKey, Delivery
from client.protocol.encoding import DeviceHash, b64url_decode
from client.protocol.frames import Accept, Request, Reveal, Sealed, write
from client.protocol.keyexchange import SUITE, Schedule, Transcript, commitment, shared_secret, suites_text

# What GnuPG gives for an Ed25519 key with a Curve25519 subkey and for its signature, armored.
PRIVATE_KEY_CHARACTERS = 820
CERTIFICATE_CHARACTERS = 320


@dataclass(frozen=True)
class Party:
    """A device of the filled database."""

    device: DeviceHash
    key: Ed25519PrivateKey
    public_key: bytes
    challenge: bytes
    token: str

    @classmethod
    def read(cls, made: Mapping[str, str]) -> "Party":
        key = Ed25519PrivateKey.from_private_bytes(b64url_decode(made["key"]))
        return cls(
            device=DeviceHash(made["device"]),
            key=key,
            public_key=key.public_key().public_bytes_raw(),
            challenge=b64url_decode(made["challenge"]),
            token=made["token"],
        )


@dataclass(frozen=True)
class Pair:
    """A new device, an existing one of the same account, and the account's name and fingerprint."""

    account: str
    fingerprint: str
    new: Party
    existing: Party

    @classmethod
    def read(cls, made: Mapping[str, Any]) -> "Pair":
        return cls(
            account=made["account"],
            fingerprint=made["fingerprint"],
            new=Party.read(made["new"]),
            existing=Party.read(made["existing"]),
        )


NEW, EXISTING = 0, 1

Turn = tuple[int, tuple[str, ...]]
"""Who speaks, NEW or EXISTING, and the frames that it sends without waiting in between."""

FRAMES_A_HANDOFF = 6


def handoff(pair: Pair, *, origin: str) -> tuple[Turn, ...]:
    """The five turns of one handoff by code: request, accept, reveal and prove, deliver, ack."""
    new, existing = pair.new, pair.existing
    exchange, suites = str(uuid.uuid4()), (SUITE,)
    new_key, existing_key = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    new_public, existing_public = (key.public_key().public_bytes_raw() for key in (new_key, existing_key))
    new_nonce, existing_nonce = secrets.token_bytes(32), secrets.token_bytes(32)
    bound = commitment(exchange, suites, new.device, new.public_key, new_public, new_nonce)
    request = Request(exchange, None, suites, new.device, new.public_key, new.challenge, bound)
    accept = Accept(
        exchange, SUITE, "code", existing.device, existing.public_key, existing_public, existing_nonce
    )
    transcript = Transcript(
        origin=origin,
        account=pair.account,
        exchange=exchange,
        suites=suites_text(suites),
        suite=SUITE,
        method="code",
        new_device=new.device,
        new_device_key=new.public_key,
        commitment=bound,
        existing_device=existing.device,
        existing_device_key=existing.public_key,
        existing_ephemeral_key=existing_public,
        existing_nonce=existing_nonce,
        new_ephemeral_key=new_public,
        new_nonce=new_nonce,
    )
    schedule = Schedule.derive(transcript.digest(), shared_secret(new_key, existing_public))
    delivery = Delivery(
        key=AccountKey(pair.fingerprint, private_key="k" * PRIVATE_KEY_CHARACTERS),
        certificate="c" * CERTIFICATE_CHARACTERS,
        proof=existing.key.sign(schedule.statement("deliver")),
    ).to_json()

    def sealed(kind: str, plaintext: bytes) -> str:
        return write(Sealed(kind, exchange, schedule.seal(kind, plaintext)))

    prove = sealed("prove", new.key.sign(schedule.statement("prove")))
    return (
        (NEW, (write(request),)),
        (EXISTING, (write(accept),)),
        (NEW, (write(Reveal(exchange, new_public, new_nonce)), prove)),
        (EXISTING, (sealed("deliver", delivery),)),
        (NEW, (sealed("ack", b""),)),
    )
