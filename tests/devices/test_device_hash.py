"""The device hash, against values that openssl gave for bytes written out by hand."""

import pytest

from devices.protocol.device_hash import device_hash
from tests import people

KEY, CHALLENGE = bytes(range(32)), bytes(range(32, 64))
# printf 'LP by hand' | openssl dgst -sha256 -binary | basenc --base64url
VECTORS = [
    ("alice@example.org", KEY, CHALLENGE, "8LMha45Bb2x8BPVvbFzTyHL3nlKgCmW3qpUngOUk9Kg"),
    ("alice@example.org:8443", KEY, CHALLENGE, "1YXDXpwg4skrkPVe7YenZe5ee-XdcPOaIkd2kx4RHYE"),
    ("a@localhost:8000", bytes(32), b"\xff" * 32, "UjQl7KmcsKXOsAX2vtpnM1dEwd_RoLYlDuSU6v20GQg"),
]


@pytest.mark.parametrize(
    ("key", "challenge"),
    [(KEY[:31], CHALLENGE), (KEY + b"\0", CHALLENGE), (KEY, b""), (KEY, CHALLENGE + b"\0")],
)
def test_other_lengths_than_32_bytes_are_refused(key: bytes, challenge: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        device_hash("alice@example.org", key, challenge)


@pytest.mark.parametrize(("account", "key", "challenge", "expected"), VECTORS)
def test_the_hash_is_the_published_one(account: str, key: bytes, challenge: bytes, expected: str) -> None:
    assert device_hash(account, key, challenge) == expected
    assert people.device_hash(account, key, challenge) == expected
    assert len(expected) == 43


def test_every_input_changes_it() -> None:
    one = device_hash("alice@example.org", KEY, CHALLENGE)
    others = {
        device_hash("alicf@example.org", KEY, CHALLENGE),
        device_hash("alice@example.org", CHALLENGE, CHALLENGE),
        device_hash("alice@example.org", KEY, KEY),
        device_hash("alice@example.org", CHALLENGE, KEY),
    }
    assert len(others | {one}) == 5
