"""The frames that clients send: shapes and sizes (PROTOCOL §4). What does not fit is `bad_frame`.

A frame has exactly the fields of the table, each once. Every value is of a narrow ASCII alphabet, so
the text can be relayed as it was sent, inside a frame of ours, and says the same to every parser.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NewType

from devices.protocol.device_hash import DeviceHash
from devices.protocol.encoding import b64url_decode
from keyexchange.protocol.refusals import BadFrame

ExchangeId = NewType("ExchangeId", str)

MAX_FRAME_BYTES: Final = 64 * 1024
TAG_BYTES: Final = 16
SIGNATURE_BYTES: Final = 64
MAX_SUITES_CHARACTERS: Final = 255

METHODS: Final = frozenset({"code", "qr"})
CANCEL_REASONS: Final = frozenset(
    {"declined", "code_mismatch", "bad_commitment", "bad_proof", "bad_key", "user"}
)

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_SUITE = re.compile(r"[a-z0-9-]{1,255}\Z")

Check = Callable[[object], bool]


def _bytes(least: int, most: int = MAX_FRAME_BYTES) -> Check:
    def check(value: object) -> bool:
        if not isinstance(value, str):
            return False
        try:
            return least <= len(b64url_decode(value)) <= most
        except ValueError:
            return False

    return check


def _is_exchange(value: object) -> bool:
    return isinstance(value, str) and _UUID.match(value) is not None


def _is_suite(value: object) -> bool:
    return isinstance(value, str) and _SUITE.match(value) is not None


def _are_suites(value: object) -> bool:
    """One text joined by `,`, as it is hashed, or the list of its names."""
    names = value.split(",") if isinstance(value, str) else value
    return (
        isinstance(names, list)
        and bool(names)
        and all(map(_is_suite, names))
        and len(",".join(names)) <= MAX_SUITES_CHARACTERS
    )


def _one_of(words: frozenset[str]) -> Check:
    return lambda value: isinstance(value, str) and value in words


_key = _bytes(32, 32)


def _is_key_or_null(value: object) -> bool:
    return value is None or _key(value)


# A device hash is a SHA-256, so it has the shape of a key.
SHAPES: Final[Mapping[str, Mapping[str, Check]]] = {
    "request": {
        "to": _is_key_or_null,
        "suites": _are_suites,
        "device": _key,
        "device_key": _key,
        "challenge": _key,
        "commitment": _key,
    },
    "accept": {
        "suite": _is_suite,
        "method": _one_of(METHODS),
        "device": _key,
        "device_key": _key,
        "ephemeral_key": _key,
        "nonce": _key,
    },
    "reveal": {"ephemeral_key": _key, "nonce": _key},
    "prove": {"sealed": _bytes(SIGNATURE_BYTES + TAG_BYTES, SIGNATURE_BYTES + TAG_BYTES)},
    "deliver": {"sealed": _bytes(TAG_BYTES + 1)},
    "ack": {"sealed": _bytes(TAG_BYTES, TAG_BYTES)},
    "cancel": {"reason": _one_of(CANCEL_REASONS)},
}
OPTIONAL: Final = frozenset({"to"})


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of good shape. `text` is as sent; `device`, `device_key`, `to` and `reason` are its fields
    or None.

    Its repr leaves the text out, so that no traceback or log line can show what was sealed.
    """

    type: str
    exchange: ExchangeId
    text: str = field(repr=False)
    device: DeviceHash | None = None
    device_key: str | None = None
    to: DeviceHash | None = None
    reason: str | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the text, lower-case hex: tells a byte-identical repeat once the text is gone."""
        return sha256(self.text.encode()).hexdigest()


def _each_name_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadFrame("A name stands twice.")
    return fields


_decoder = json.JSONDecoder(object_pairs_hook=_each_name_once)


def parse(text: str) -> Frame:
    """The frame in a text message. Raises BadFrame, with the exchange where one could be read."""
    if len(text) > MAX_FRAME_BYTES:
        raise BadFrame("A frame is at most 64 KiB.")
    if not text.isascii():
        raise BadFrame("A frame holds ASCII only.")
    try:
        fields: object = _decoder.decode(text)
    except (ValueError, RecursionError):
        raise BadFrame("A frame is one JSON object.") from None
    if not isinstance(fields, dict):
        raise BadFrame("A frame is one JSON object.")
    exchange = fields.pop("exchange", None)
    if not _is_exchange(exchange):
        raise BadFrame("`exchange` is a lower-case UUID of 36 characters.")
    kind = fields.pop("type", None)
    shape = SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        raise BadFrame("`type` is none of those that a client sends.", exchange=exchange)
    for name, check in shape.items():
        if name not in fields:
            if name in OPTIONAL:
                continue
            raise BadFrame(f"`{name}` is missing.", exchange=exchange)
        if not check(fields[name]):
            raise BadFrame(f"`{name}` has not the right form or length.", exchange=exchange)
    if not fields.keys() <= shape.keys():
        raise BadFrame(f"`{kind}` has a field too many.", exchange=exchange)
    return Frame(
        type=kind,
        exchange=exchange,
        text=text,
        device=fields.get("device"),
        device_key=fields.get("device_key"),
        to=fields.get("to"),
        reason=fields.get("reason"),
    )
