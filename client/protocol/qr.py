"""The QR code by which a new device hands its commitment and a secret to the eye of another (PROTOCOL §4)."""

import uuid
from dataclasses import dataclass, field

from client.protocol.encoding import KEY_LENGTH, b64url, b64url_decode, check_origin

PREFIX = "hvx:"
SECRET_LENGTH = 16
_VERSION = b"\x01"
_HEAD = 1 + 16 + KEY_LENGTH + SECRET_LENGTH


@dataclass(frozen=True, slots=True)
class QRCode:
    """`commitment` has 32 raw bytes, `secret` 16."""

    exchange: str
    commitment: bytes
    secret: bytes = field(repr=False)
    origin: str

    def text(self) -> str:
        """`hvx:` + b64url(0x01 ‖ exchange ‖ commitment ‖ secret ‖ origin)."""
        exchange = uuid.UUID(self.exchange).bytes
        return PREFIX + b64url(_VERSION + exchange + self.commitment + self.secret + self.origin.encode())

    @classmethod
    def read(cls, text: str) -> "QRCode":
        """What a scanned text says; `ValueError` when it is no such code."""
        stripped = text.strip()
        if not stripped.startswith(PREFIX):
            raise ValueError("no code of hvx")
        raw = b64url_decode(stripped.removeprefix(PREFIX))
        if len(raw) <= _HEAD or raw[:1] != _VERSION:
            raise ValueError("no code of this version")
        return cls(
            exchange=str(uuid.UUID(bytes=raw[1:17])),
            commitment=raw[17 : 17 + KEY_LENGTH],
            secret=raw[17 + KEY_LENGTH : _HEAD],
            origin=check_origin(raw[_HEAD:].decode()),
        )
