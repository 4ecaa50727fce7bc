"""The texts that an account key signs (PROTOCOL §3).

A client builds them itself, from what it knows, and signs no text that it was sent: so no
server can have it sign one statement under the name of another.
"""

from dataclasses import dataclass

from client.protocol.encoding import DeviceHash, b64url

CERTIFICATE = "hvx-device-certificate/1"
REVOCATION = "hvx-device-revocation/1"
KEY_TRANSITION = "hvx-key-transition/1"
PASSWORD_RESET = "hvx-password-reset/1"


@dataclass(frozen=True, slots=True)
class DeviceStatement:
    """What a certificate or a revocation says. `key` is the account key's fingerprint,
    upper-case hex; `device_key` and `challenge` are 32 raw bytes."""

    origin: str
    account: str
    key: str
    device: DeviceHash
    device_key: bytes
    challenge: bytes

    def certificate(self) -> bytes:
        """The text that makes the device one of the account's."""
        return self._under(CERTIFICATE)

    def revocation(self) -> bytes:
        """The text that ends the device."""
        return self._under(REVOCATION)

    def _under(self, heading: str) -> bytes:
        return _text(
            heading,
            ("origin", self.origin),
            ("account", self.account),
            ("key", self.key),
            ("device", self.device),
            ("device-key", b64url(self.device_key)),
            ("challenge", b64url(self.challenge)),
        )


def key_transition(origin: str, account: str, key: str, new_key: str, challenge: bytes) -> bytes:
    """The text by which the account passes from the key `key` to `new_key` (fingerprints)."""
    return _text(
        KEY_TRANSITION,
        ("origin", origin),
        ("account", account),
        ("key", key),
        ("new-key", new_key),
        ("challenge", b64url(challenge)),
    )


def password_reset(origin: str, account: str, key: str, challenge: bytes) -> bytes:
    """The text by which the holder of the account key `key` asks for a new password."""
    return _text(
        PASSWORD_RESET,
        ("origin", origin),
        ("account", account),
        ("key", key),
        ("challenge", b64url(challenge)),
    )


def _text(heading: str, *fields: tuple[str, str]) -> bytes:
    # A line feed inside a value would let one field speak for the next.
    if any("\n" in value or "\r" in value for _, value in fields):
        raise ValueError("a statement's fields are single lines")
    return "\n".join([heading, *(f"{name}: {value}" for name, value in fields)]).encode()
