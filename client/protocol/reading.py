"""The one reading of what a server sends (PROTOCOL §4).

A frame of the peer holds exactly the fields of the protocol's table; anything missing, odd or
added is `Refused(BAD_FRAME)`. What the server puts around it may grow, and is read leniently.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from client.protocol.encoding import DeviceHash, b64url_decode, is_exchange, key_bytes
from client.protocol.frames import (
    MAX_DELIVERY,
    MAX_FRAME,
    Accept,
    Cancel,
    Expired,
    Frame,
    Hello,
    Message,
    Offer,
    Relay,
    Request,
    Reveal,
    Sealed,
    ServerError,
    Withdrawn,
)
from client.protocol.reasons import CANCEL_REASONS, Reason, Refused

_MAX_SEALED = MAX_DELIVERY + 16
_MAX_SUITES = 8


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
