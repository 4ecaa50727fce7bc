"""The device hash: the unique hash issued at login (PROTOCOL §3)."""

from hashlib import sha256
from typing import NewType

from devices.protocol.encoding import b64url
from vault.protocol.encoding import lp

DeviceHash = NewType("DeviceHash", str)

DEVICE_KEY_BYTES = 32
CHALLENGE_BYTES = 32


def device_hash(account: str, device_key: bytes, challenge: bytes) -> DeviceHash:
    """`b64url(SHA-256(LP("hvx-device/1", account, device key, challenge)))`, 43 characters.

    Raises ValueError where key or challenge are not 32 bytes.
    """
    if len(device_key) != DEVICE_KEY_BYTES or len(challenge) != CHALLENGE_BYTES:
        raise ValueError("device key and challenge are 32 bytes each")
    digest = sha256(lp("hvx-device/1", account, device_key, challenge)).digest()
    return DeviceHash(b64url(digest))
