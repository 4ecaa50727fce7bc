"""The device hash: the unique hash issued at login (PROTOCOL §3)."""

from hashlib import sha256
from typing import NewType

from audit.protocol.encoding import lp
from devices.protocol.encoding import b64url

DeviceHash = NewType("DeviceHash", str)

DEVICE_KEY_BYTES = 32
DIGEST_BYTES = 32
CHALLENGE_BYTES = 32


def device_hash(account: str, device_key: bytes, challenge: bytes) -> DeviceHash:
    """`b64url(SHA-256(LP("hvx-device/1", account, device key, challenge)))`, 43 characters.

    Raises ValueError where key or challenge are not 32 bytes.
    """
    if len(device_key) != DEVICE_KEY_BYTES or len(challenge) != CHALLENGE_BYTES:
        raise ValueError("device key and challenge are 32 bytes each")
    digest = sha256(lp("hvx-device/1", account, device_key, challenge)).digest()
    return DeviceHash(b64url(digest))


def access_key_hash(account: str, key_id: str, digest: bytes) -> DeviceHash:
    """The device hash of an access key, which has no device key (docs/decisions/0021).

    `b64url(SHA-256(LP("hvx-access-key/1", account, key id, digest)))`: `key_id` is a lower-case UUID,
    `digest` the secret's SHA-256, so that whoever holds the access key computes it too. Raises
    ValueError for a digest that is not 32 bytes.
    """
    if len(digest) != DIGEST_BYTES:
        raise ValueError("a digest is 32 bytes")
    return DeviceHash(b64url(sha256(lp("hvx-access-key/1", account, key_id, digest)).digest()))
