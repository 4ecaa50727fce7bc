"""The device hash (PROTOCOL §3)."""

import hashlib

from client.protocol.encoding import KEY_LENGTH, DeviceHash, b64url, lp


def device_hash(account: str, device_key: bytes, challenge: bytes) -> DeviceHash:
    """`b64url(SHA-256(LP("hvx-device/1", account, device key, challenge)))`, 43 characters.

    `device_key` and `challenge` are 32 raw bytes each; other lengths raise `ValueError`.
    """
    if len(device_key) != KEY_LENGTH or len(challenge) != KEY_LENGTH:
        raise ValueError("device key and challenge are 32 bytes each")
    return DeviceHash(b64url(hashlib.sha256(lp("hvx-device/1", account, device_key, challenge)).digest()))
