"""What the server publishes about an account: claims, each checked before it is believed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from client.protocol.encoding import DeviceHash


@dataclass(frozen=True, slots=True)
class PublishedDevice:
    """A row of `GET accounts/{username}/devices`. Key and challenge are 32 raw bytes,
    certificate and revocation armored detached signatures; `revocation_challenge` is the one
    that the revocation was signed over."""

    device: DeviceHash
    device_key: bytes
    challenge: bytes
    certificate: str | None = None
    revocation: str | None = None
    revocation_challenge: bytes | None = None
    ended: str | None = None


@dataclass(frozen=True, slots=True)
class PublishedTransition:
    """The account passed from the key `key` to `new_key` (fingerprints); `signatures` holds
    both keys' detached signatures, armored; `public_key` is the old key's public half."""

    key: str
    new_key: str
    challenge: bytes
    signatures: str
    public_key: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """The account's key and devices as the server tells them to anyone."""

    fingerprint: str
    public_key: str = ""
    transitions: tuple[PublishedTransition, ...] = ()
    devices: Mapping[str, PublishedDevice] = field(default_factory=dict)
