"""The frames of `/ws/keyexchange` described for people who write clients (PROTOCOL §4).

One source for the page that the server shows and for the section in docs/protocol.md
(`python -m scripts.docs_check --write`). Tests hold it to what the code takes and sends: every
example is parsed or made by the very functions that serve a socket.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from devices.protocol.device_hash import DeviceHash
from devices.protocol.encoding import b64url
from keyexchange.errors import CLOSE_CODES, ERROR_FRAMES
from keyexchange.protocol import server_frames
from keyexchange.protocol.desk import LIMIT_WINDOW_SECONDS, REQUESTS_PER_ACCOUNT, REQUESTS_PER_DEVICE
from keyexchange.protocol.exchange import HELD_SECONDS
from keyexchange.protocol.frames import (
    CANCEL_REASONS,
    MAX_FRAME_BYTES,
    SIGNATURE_BYTES,
    TAG_BYTES,
    ExchangeId,
    parse,
)
from keyexchange.protocol.machine import TABLE, Effect, State
from keyexchange.protocol.refusals import OutOfOrder


@dataclass(frozen=True)
class Field:
    """One member of a frame: its name, what it may look like, what it is."""

    name: str
    form: str
    meaning: str


@dataclass(frozen=True)
class FrameReference:
    """One kind of frame. `number` is its place in the table of PROTOCOL §4, if it has one.

    `fields` leaves out what COMMON describes.
    """

    type: str
    way: str
    when: str
    fields: tuple[Field, ...]
    example: str
    number: int | None = None

    @property
    def title(self) -> str:
        return self.type if self.number is None else f"{self.number}. {self.type}"


@dataclass(frozen=True)
class Row:
    """Rows of the exchange's table that differ in their state alone."""

    states: str
    event: str
    target: str
    effects: str


def _bytes(text: str, length: int = 32) -> str:
    """Example bytes that say what they stand for to whoever decodes them."""
    return b64url(text.encode()[:length].ljust(length, b"."))


_EXCHANGE: Final = ExchangeId("3f0c8a52-6b1e-4d7a-9c35-0e2f4a6b8d10")
_NEW: Final = DeviceHash(_bytes("device hash of N"))
_EXISTING: Final = DeviceHash(_bytes("device hash of E"))
_NOW: Final = 1767225600.0

COMMON: Final = (
    "Every frame has its kind as `type`. Every frame that a client sends has `exchange`, a UUID in lower "
    "case that N makes anew for each request."
)

_KEY: Final = "32 bytes, base64url"
_HASH: Final = "device hash, 43 characters"
_ID: Final = Field("exchange", "UUID", "Which exchange.")


def _sent(
    number: int | None, way: str, when: str, fields: tuple[Field, ...], **values: Any
) -> FrameReference:
    kind = values["type"]
    example = json.dumps({"type": kind, "exchange": _EXCHANGE, **values}, indent=2)
    return FrameReference(
        type=kind,
        number=number,
        way=way,
        when=when,
        fields=fields,
        example=example,
    )


CLIENT_FRAMES: Final[tuple[FrameReference, ...]] = (
    _sent(
        1,
        "N → server → E",
        "The new device asks the device in `to`, or all active devices of its account, for the account key. "
        "Each of them receives it as `offer`.",
        (
            Field("to", f"{_HASH}, null or absent", "The device asked; null or absent: all active ones."),
            Field(
                "suites",
                "list of `[a-z0-9-]+`, or these joined by `,`; 255 characters joined",
                "What N can do, in its order of preference. `x25519` is the one suite there is.",
            ),
            Field("device", _HASH, "N's own device hash; it must be the token's."),
            Field("device_key", _KEY, "N's Ed25519 device key; it must be the token's."),
            Field(
                "challenge", _KEY, "The challenge of N's device hash, so that E can compute the hash itself."
            ),
            Field("commitment", _KEY, "SHA-256 over what N will reveal in step 3."),
        ),
        type="request",
        to=None,
        suites=["x25519"],
        device=_NEW,
        device_key=_bytes("device key of N"),
        challenge=_bytes("challenge of N"),
        commitment=_bytes("commitment of N"),
    ),
    _sent(
        2,
        "E → server → N",
        "An existing device answers, once its user agreed. The first wins; the others receive `withdrawn`.",
        (
            Field("suite", "`[a-z0-9-]+`, at most 255 characters", "One of the suites offered."),
            Field("method", "`code` or `qr`", "How the user compares the two devices."),
            Field("device", _HASH, "E's own device hash; it must be the token's."),
            Field("device_key", _KEY, "E's Ed25519 device key; it must be the token's."),
            Field("ephemeral_key", _KEY, "E's X25519 key, made for this one commitment."),
            Field("nonce", _KEY, "Random, made for this one commitment."),
        ),
        type="accept",
        suite="x25519",
        method="code",
        device=_EXISTING,
        device_key=_bytes("device key of E"),
        ephemeral_key=_bytes("ephemeral key of E"),
        nonce=_bytes("nonce of E"),
    ),
    _sent(
        3,
        "N → server → E",
        "N opens its commitment. E compares, and cancels with `bad_commitment` if it does not match.",
        (
            Field("ephemeral_key", _KEY, "The X25519 key that N committed to."),
            Field("nonce", _KEY, "The nonce that N committed to."),
        ),
        type="reveal",
        ephemeral_key=_bytes("ephemeral key of N"),
        nonce=_bytes("nonce of N"),
    ),
    _sent(
        4,
        "N → server → E",
        "N proves that it holds its device key. Then N shows six digits, and E asks its user for them.",
        (
            Field(
                "sealed",
                f"{SIGNATURE_BYTES + TAG_BYTES} bytes, base64url",
                "N's signature over the transcript, sealed to E.",
            ),
        ),
        type="prove",
        sealed=_bytes("sealed signature of N", SIGNATURE_BYTES + TAG_BYTES),
    ),
    _sent(
        6,
        "E → server → N",
        "E hands the account key over, after its user typed the right six digits (or, by QR, agreed). Then "
        "E shows four digits, and N asks its user for them.",
        (
            Field(
                "sealed",
                f"at least {TAG_BYTES + 1} bytes, base64url; the frame at most {MAX_FRAME_BYTES // 1024} KiB",
                "JSON of `private_key`, `fingerprint`, `retired_keys`, `certificate`, `proof`, sealed to N.",
            ),
        ),
        type="deliver",
        sealed=_bytes("sealed JSON: private_key, fingerprint, retired_keys, certificate, proof", 96),
    ),
    _sent(
        7,
        "N → server → E",
        "N has checked everything, and its user typed the right four digits. Until here N neither stored nor "
        "used the key.",
        (Field("sealed", f"{TAG_BYTES} bytes, base64url", "Zero bytes, sealed to E: the tag alone."),),
        type="ack",
        sealed=_bytes("sealed nothing", TAG_BYTES),
    ),
    _sent(
        None,
        "either → server → the other",
        "Ends the exchange. Before an `accept`, one asked device's cancel ends its own offer and the last "
        "one's the exchange; N's goes to all that were asked.",
        (Field("reason", ", ".join(f"`{reason}`" for reason in sorted(CANCEL_REASONS)), "Why."),),
        type="cancel",
        reason="user",
    ),
)

_REQUEST: Final = parse(json.dumps(json.loads(CLIENT_FRAMES[0].example)))
_REVEAL: Final = parse(json.dumps(json.loads(CLIENT_FRAMES[2].example)))


def _received(kind: str, when: str, fields: tuple[Field, ...], text: str) -> FrameReference:
    return FrameReference(
        type=kind,
        way="server →",
        when=when,
        fields=fields,
        example=json.dumps(json.loads(text), indent=2, ensure_ascii=False),
    )


SERVER_FRAMES: Final[tuple[FrameReference, ...]] = (
    _received(
        "hello",
        "The first frame on every socket.",
        (
            Field("device", _HASH, "The device that the server takes this socket to be."),
            Field("scope", "`full` or `pending`", "The scope of its token."),
            Field("account", "`username@host[:port]`", "Whose device it is."),
            Field("time", "RFC 3339, UTC", "The server's clock."),
        ),
        server_frames.hello(device=_NEW, scope="pending", account="alice@example.org", now=_NOW),
    ),
    _received(
        "offer",
        "A new device asks for the account key. Goes to every device asked; sent again after a reconnect.",
        (
            _ID,
            Field("from", _HASH, "N."),
            Field(
                "name",
                "text",
                "What the server says N is called. Not proven by anything; clean it for display.",
            ),
            Field("platform", "text", "As the name."),
            Field("expires_at", "RFC 3339, UTC", "120 s after the request, by the server's clock."),
            Field("frame", "object", "The `request`, as N sent it."),
        ),
        server_frames.offer(
            _REQUEST, sender=_NEW, name="Alice's laptop", platform="Linux", expires_at=_NOW + 120
        ),
    ),
    _received(
        "relay",
        "One of the frames 2 to 7, or `cancel`, from the other side.",
        (
            _ID,
            Field(
                "seq",
                "number",
                "Counts from 1 for each exchange and recipient; a repeat bears the same number.",
            ),
            Field("from", _HASH, "The sender."),
            Field("frame", "object", "The frame, byte for byte as it was sent."),
        ),
        server_frames.relay(_REVEAL, seq=1, sender=_NEW),
    ),
    _received(
        "withdrawn",
        "The offer or the exchange is over: another device was faster, or a device that it needs has ended.",
        (_ID,),
        server_frames.withdrawn(_EXCHANGE),
    ),
    _received("expired", "120 s have passed since the request.", (_ID,), server_frames.expired(_EXCHANGE)),
    _received(
        "error",
        "The server refuses the frame that was sent. The socket stays open and the exchange is as it was.",
        (
            Field("exchange", "UUID or null", "The frame's exchange; null where none could be read."),
            Field("code", "snake_case word", "For programs; listed below."),
            Field("detail", "text", "For people who write clients; not for the screen."),
        ),
        server_frames.error(_EXCHANGE, OutOfOrder.code, OutOfOrder.sentence),
    ),
)


def states() -> tuple[Row, ...]:
    """The table of `keyexchange/protocol/machine.py`, rows that differ in their state alone as one."""
    together: dict[tuple[str, State, tuple[Effect, ...]], list[State]] = {}
    for (state, event), (target, effects) in TABLE.items():
        together.setdefault((event, target, effects), []).append(state)
    return tuple(
        Row(", ".join(before), event, target, "; ".join(effects))
        for (event, target, effects), before in together.items()
    )


_WINDOW: Final = f"{LIMIT_WINDOW_SECONDS / 60:.0f} minutes"

LIMITS: Final = (
    f"A frame is one JSON object in text, at most {MAX_FRAME_BYTES // 1024} KiB.",
    "What is relayed must fit into that together with what the server puts around it, or it is `bad_frame`.",
    f"An exchange ends {HELD_SECONDS:.0f} seconds after its request, and what it relayed is held no longer.",
    f"{REQUESTS_PER_DEVICE} requests a device and {REQUESTS_PER_ACCOUNT} an account in {_WINDOW}.",
    "Requests that were refused do not count.",
    "A new device has one open exchange.",
    "A device has one socket; a newer one closes the older.",
)

ERRORS: Final[Mapping[str, str]] = ERROR_FRAMES
CLOSES: Final[Mapping[int, str]] = CLOSE_CODES


def markdown() -> str:
    """The frames and codes as the section of docs/protocol.md."""
    parts = [COMMON]
    for heading, frames in (("What clients send", CLIENT_FRAMES), ("What the server sends", SERVER_FRAMES)):
        parts.append(f"### {heading}")
        for frame in frames:
            rows = "\n".join(f"| `{field.name}` | {field.form} | {field.meaning} |" for field in frame.fields)
            parts.append(
                f"#### {frame.title}\n\n*{frame.way}* · {frame.when}\n\n"
                f"| field | form | meaning |\n| --- | --- | --- |\n{rows}\n\n```json\n{frame.example}\n```"
            )
    errors = "\n".join(f"| `{code}` | {sentence} |" for code, sentence in ERRORS.items())
    closes = "\n".join(f"| {code} | {sentence} |" for code, sentence in CLOSES.items())
    parts.append(f"### Codes of `error` frames\n\n| code | meaning |\n| --- | --- |\n{errors}")
    parts.append(f"### How the server closes\n\n| code | meaning |\n| --- | --- |\n{closes}")
    return "\n\n".join(parts)
