"""The frames of the handoff as values, and how our own are written (PROTOCOL §4)."""

import json
from dataclasses import dataclass, field

from client.protocol.encoding import DeviceHash, b64url
from client.protocol.reasons import Reason

MAX_FRAME = 64 * 1024
MAX_DELIVERY = 32 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """Frame 1. `to` is None when all active devices are asked."""

    exchange: str
    to: DeviceHash | None
    suites: tuple[str, ...]
    device: DeviceHash
    device_key: bytes
    challenge: bytes
    commitment: bytes


@dataclass(frozen=True, slots=True)
class Accept:
    """Frame 2."""

    exchange: str
    suite: str
    method: str
    device: DeviceHash
    device_key: bytes
    ephemeral_key: bytes
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Reveal:
    """Frame 3: what the commitment was about."""

    exchange: str
    ephemeral_key: bytes
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """Frames 4, 6 and 7: `kind` is `prove`, `deliver` or `ack`."""

    kind: str
    exchange: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Cancel:
    """`reason` is None when it was no word of the protocol; such a text goes no further than here."""

    exchange: str
    reason: Reason | None


Frame = Request | Accept | Reveal | Sealed | Cancel


@dataclass(frozen=True, slots=True)
class Hello:
    """The server's first frame: whom it takes this socket for."""

    device: str
    scope: str
    account: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A request as an existing device gets it. `name` and `platform` are the server's words
    about a stranger: shown before an accept only, and cleaned first. `expires_at` is as sent."""

    request: Request
    sender: str
    name: str
    platform: str
    expires_at: str
    identity: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Relay:
    """A frame of the peer. `identity` is equal exactly for frames that say the same."""

    exchange: str
    seq: int
    sender: str
    frame: Frame
    identity: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The exchange is no longer open for this device."""

    exchange: str


@dataclass(frozen=True, slots=True)
class Expired:
    """The server's two minutes are over."""

    exchange: str


@dataclass(frozen=True, slots=True)
class ServerError:
    """`code` is kept for comparing with known words; neither it nor `detail` is ever shown."""

    exchange: str | None
    code: str


Message = Hello | Offer | Relay | Withdrawn | Expired | ServerError


def kind_of(frame: Frame) -> str:
    """The frame's `type` on the wire."""
    return frame.kind if isinstance(frame, Sealed) else type(frame).__name__.lower()


def write(frame: Frame) -> str:
    """The JSON text of a frame of our own."""
    body: dict[str, object] = {"type": kind_of(frame), "exchange": frame.exchange}
    match frame:
        case Request():
            body |= {
                "to": frame.to,
                "suites": list(frame.suites),
                "device": frame.device,
                "device_key": b64url(frame.device_key),
                "challenge": b64url(frame.challenge),
                "commitment": b64url(frame.commitment),
            }
        case Accept():
            body |= {
                "suite": frame.suite,
                "method": frame.method,
                "device": frame.device,
                "device_key": b64url(frame.device_key),
                "ephemeral_key": b64url(frame.ephemeral_key),
                "nonce": b64url(frame.nonce),
            }
        case Reveal():
            body |= {"ephemeral_key": b64url(frame.ephemeral_key), "nonce": b64url(frame.nonce)}
        case Sealed():
            body |= {"sealed": b64url(frame.sealed)}
        case Cancel():
            body |= {"reason": frame.reason}
    return json.dumps(body, separators=(",", ":"))
