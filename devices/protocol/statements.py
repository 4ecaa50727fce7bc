"""The texts that an account key signs (PROTOCOL §3; docs/decisions/0002 for the two it leaves open).

Lines are joined by LF with none at the end. Every value is one that the server holds already, so
that a signature can only ever verify over what the server itself believes.
"""

from dataclasses import dataclass

from devices.protocol.device_hash import DeviceHash
from devices.protocol.encoding import b64url


@dataclass(frozen=True)
class Subject:
    """Whose statement it is: origin, `username@host`, and the upper-case hex fingerprint."""

    origin: str
    account: str
    fingerprint: str


def _text(heading: str, **lines: str) -> bytes:
    named = (f"{name.replace('_', '-')}: {value}" for name, value in lines.items())
    return "\n".join((heading, *named)).encode()


def _device(heading: str, subject: Subject, device: DeviceHash, device_key: bytes, challenge: bytes) -> bytes:
    return _text(
        heading,
        origin=subject.origin,
        account=subject.account,
        key=subject.fingerprint,
        device=device,
        device_key=b64url(device_key),
        challenge=b64url(challenge),
    )


def device_certificate(subject: Subject, device: DeviceHash, device_key: bytes, challenge: bytes) -> bytes:
    """What certifies a device; the challenge is the one in its device hash."""
    return _device("hvx-device-certificate/1", subject, device, device_key, challenge)


def device_revocation(subject: Subject, device: DeviceHash, device_key: bytes, challenge: bytes) -> bytes:
    """What ends a device; the challenge is one given out for this revocation."""
    return _device("hvx-device-revocation/1", subject, device, device_key, challenge)


def key_transition(subject: Subject, new_fingerprint: str, challenge: bytes) -> bytes:
    """What replaces the account key; `subject` names the old one. Signed by both."""
    return _text(
        "hvx-key-transition/1",
        origin=subject.origin,
        account=subject.account,
        key=subject.fingerprint,
        new_key=new_fingerprint,
        challenge=b64url(challenge),
    )


def password_reset(subject: Subject, challenge: bytes) -> bytes:
    """What sets a new password without the old one."""
    return _text(
        "hvx-password-reset/1",
        origin=subject.origin,
        account=subject.account,
        key=subject.fingerprint,
        challenge=b64url(challenge),
    )
