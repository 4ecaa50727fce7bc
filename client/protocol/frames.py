"""The frames of the handoff as values, and their one reading (PROTOCOL §4).

A frame of the peer holds exactly the fields of the protocol's table; anything missing, odd or
added is `Refused(BAD_FRAME)`. What the server puts around it may grow, and is read leniently.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from client.protocol.encoding import DeviceHash, b64url, b64url_decode, is_exchange, key_bytes
from client.protocol.reasons import CANCEL_REASONS, Reason, Refused

MAX_FRAME = 64 * 1024
MAX_DELIVERY = 32 * 1024
_MAX_SEALED = MAX_DELIVERY + 16
_MAX_SUITES = 8


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


def read(text: str) -> Message | None:
    """A frame of the server; None for a type that this client does not know; `Refused` for a broken one."""
    if len(text.encode()) > 2 * MAX_FRAME:
        raise Refused(Reason.BAD_FRAME, "frame too long")
    try:
        body = json.loads(text, object_pairs_hook=_object)
        reader = _SERVER_FRAMES.get(_text(body, "type"))
        return reader(body) if reader else None
    except Refused:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as fault:
        raise Refused(Reason.BAD_FRAME, "frame is not of the protocol") from fault


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    # Of two values under one name, two readers may each take another.
    if len(body) != len(pairs):
        raise ValueError("a name stands twice")
    return body


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body[name]
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value


def _exchange(body: Mapping[str, Any]) -> str:
    exchange = _text(body, "exchange")
    if not is_exchange(exchange):
        raise ValueError("exchange is no lower-case UUID")
    return exchange


def _device(body: Mapping[str, Any], name: str = "device") -> DeviceHash:
    value = _text(body, name)
    key_bytes(value)
    return DeviceHash(value)


def _key(body: Mapping[str, Any], name: str) -> bytes:
    return key_bytes(_text(body, name))


def _suites(body: Mapping[str, Any]) -> tuple[str, ...]:
    suites = body["suites"]
    if isinstance(suites, str):
        suites = suites.split(",")
    if not isinstance(suites, list) or not 1 <= len(suites) <= _MAX_SUITES:
        raise ValueError("suites is no list")
    return tuple(_suite(suite) for suite in suites)


def _suite(value: object) -> str:
    # A comma inside a name would make two lists of suites hash alike.
    if not isinstance(value, str) or not value or not set(value) <= _SUITE_LETTERS:
        raise ValueError("no suite's name")
    return value


_SUITE_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def _request(body: Mapping[str, Any]) -> Request:
    to = None if body.get("to") is None else _device(body, "to")
    return Request(
        exchange=_exchange(body),
        to=to,
        suites=_suites(body),
        device=_device(body),
        device_key=_key(body, "device_key"),
        challenge=_key(body, "challenge"),
        commitment=_key(body, "commitment"),
    )


def _accept(body: Mapping[str, Any]) -> Accept:
    return Accept(
        exchange=_exchange(body),
        suite=_suite(body["suite"]),
        method=_text(body, "method"),
        device=_device(body),
        device_key=_key(body, "device_key"),
        ephemeral_key=_key(body, "ephemeral_key"),
        nonce=_key(body, "nonce"),
    )


def _reveal(body: Mapping[str, Any]) -> Reveal:
    return Reveal(_exchange(body), _key(body, "ephemeral_key"), _key(body, "nonce"))


def _sealed(body: Mapping[str, Any]) -> Sealed:
    sealed = b64url_decode(_text(body, "sealed"))
    if len(sealed) > _MAX_SEALED:
        raise ValueError("sealed is too long")
    return Sealed(_text(body, "type"), _exchange(body), sealed)


def _cancel(body: Mapping[str, Any]) -> Cancel:
    reason = body["reason"]
    known = isinstance(reason, str) and reason in CANCEL_REASONS
    return Cancel(_exchange(body), Reason(reason) if known else None)


_PEER_FRAMES: dict[str, tuple[Callable[[Mapping[str, Any]], Frame], frozenset[str]]] = {
    "request": (_request, frozenset({"to", "suites", "device", "device_key", "challenge", "commitment"})),
    "accept": (_accept, frozenset({"suite", "method", "device", "device_key", "ephemeral_key", "nonce"})),
    "reveal": (_reveal, frozenset({"ephemeral_key", "nonce"})),
    "prove": (_sealed, frozenset({"sealed"})),
    "deliver": (_sealed, frozenset({"sealed"})),
    "ack": (_sealed, frozenset({"sealed"})),
    "cancel": (_cancel, frozenset({"reason"})),
}


def _peer_frame(body: object) -> Frame:
    if not isinstance(body, dict):
        raise ValueError("frame is no object")
    reader, names = _PEER_FRAMES[_text(body, "type")]
    if not body.keys() <= names | {"type", "exchange"}:
        raise ValueError("frame holds a field that is none of its own")
    return reader(body)


def _identity(body: object) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


def _hello(body: Mapping[str, Any]) -> Hello:
    return Hello(_text(body, "device"), _text(body, "scope"), _text(body, "account"))


def _offer(body: Mapping[str, Any]) -> Offer:
    request = _peer_frame(body["frame"])
    if not isinstance(request, Request):
        raise ValueError("an offer holds a request")
    return Offer(
        request=request,
        sender=_text(body, "from"),
        name=_text(body, "name"),
        platform=_text(body, "platform"),
        expires_at=_text(body, "expires_at"),
        identity=_identity(body["frame"]),
    )


def _relay(body: Mapping[str, Any]) -> Relay:
    seq = body["seq"]
    if type(seq) is not int or seq < 1:
        raise ValueError("seq is no number from 1")
    frame = _peer_frame(body["frame"])
    return Relay(_exchange(body), seq, _text(body, "from"), frame, _identity(body["frame"]))


def _error(body: Mapping[str, Any]) -> ServerError:
    exchange = body.get("exchange")
    return ServerError(exchange if isinstance(exchange, str) else None, _text(body, "code"))


_SERVER_FRAMES: dict[str, Callable[[Mapping[str, Any]], Message]] = {
    "hello": _hello,
    "offer": _offer,
    "relay": _relay,
    "withdrawn": lambda body: Withdrawn(_exchange(body)),
    "expired": lambda body: Expired(_exchange(body)),
    "error": _error,
}
