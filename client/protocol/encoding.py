"""LP, base64url and the grammar of the texts that are hashed and signed (PROTOCOL §1)."""

import base64
import re
from typing import NewType

DeviceHash = NewType("DeviceHash", str)
"""The unique hash issued at login: 43 characters of base64url."""

KEY_LENGTH = 32

_B64URL = re.compile(r"[A-Za-z0-9_-]*\Z")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_USERNAME = re.compile(r"[a-z0-9_]{1,30}\Z")
_ORIGIN = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?\Z"
)
_FINGERPRINT = re.compile(r"[0-9A-F]{40}\Z")
_DEFAULT_PORT = {"http": "80", "https": "443"}


def lp(*parts: bytes | str) -> bytes:
    """Join `parts`, each behind its length as four bytes big-endian; text as UTF-8."""
    joined = bytearray()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        joined += len(raw).to_bytes(4, "big") + raw
    return bytes(joined)


def b64url(raw: bytes) -> str:
    """base64url without padding (RFC 4648 §5)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def b64url_decode(text: str) -> bytes:
    """The bytes of an unpadded, canonical base64url text; `ValueError` for any other text.

    One byte string has one text, so that equal texts and equal bytes mean the same.
    """
    if not _B64URL.match(text) or len(text) % 4 == 1:
        raise ValueError("no base64url")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64url(raw) != text:
        raise ValueError("no canonical base64url")
    return raw


def key_bytes(text: str) -> bytes:
    """The 32 bytes of a key, nonce, challenge or commitment; any other length is refused."""
    raw = b64url_decode(text)
    if len(raw) != KEY_LENGTH:
        raise ValueError("not 32 bytes")
    return raw


def is_exchange(text: str) -> bool:
    """Whether `text` is a lower-case UUID of 36 characters."""
    return _UUID.match(text) is not None


def is_fingerprint(text: str) -> bool:
    """Whether `text` is the upper-case hex fingerprint of an OpenPGP v4 key."""
    return _FINGERPRINT.match(text) is not None


def check_origin(origin: str) -> str:
    """`origin` itself when it is in the one form that is signed, else `ValueError`.

    Lower-case `scheme://host[:port]`, A-label, default port left out, no slash at the end.
    """
    match = _ORIGIN.match(origin)
    if match is None or match["port"] == _DEFAULT_PORT[match["scheme"]]:
        raise ValueError("an origin is scheme://host[:port], lower-case, without a slash at the end")
    return origin


def host_of(origin: str) -> str:
    """The `host[:port]` that stands after the @ in the accounts of `origin`."""
    return check_origin(origin).partition("://")[2]


def account_at(username: str, origin: str) -> str:
    """`username@host[:port]`, as it stands in device hash, certificate and transcript."""
    if not _USERNAME.match(username):
        raise ValueError("a username is 1 to 30 of a-z, 0-9 and _")
    return f"{username}@{host_of(origin)}"
