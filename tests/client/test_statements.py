"""The texts that an account key signs, to the byte."""

import pytest

from client.protocol.device_hash import device_hash
from client.protocol.encoding import DeviceHash
from client.protocol.statements import DeviceStatement, key_transition, password_reset


def _statement(account: str = "alice@example.org") -> DeviceStatement:
    return DeviceStatement(
        origin="https://example.org",
        account=account,
        key="AB" * 20,
        device=DeviceHash("A" * 43),
        device_key=bytes(32),
        challenge=b"\xff" * 32,
    )


def test_a_field_that_would_begin_a_line_of_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match="single lines"):
        _statement(account="alice@example.org\nkey: " + "CD" * 20).certificate()


def test_a_certificate_is_seven_lines_without_an_end_of_line() -> None:
    assert _statement().certificate() == (
        b"hvx-device-certificate/1\n"
        b"origin: https://example.org\n"
        b"account: alice@example.org\n"
        b"key: " + b"AB" * 20 + b"\n"
        b"device: " + b"A" * 43 + b"\n"
        b"device-key: " + b"A" * 43 + b"\n"
        b"challenge: " + b"_" * 42 + b"8"
    )


def test_a_revocation_differs_by_its_heading_alone() -> None:
    heading, _, rest = _statement().revocation().partition(b"\n")
    assert heading == b"hvx-device-revocation/1"
    assert rest == _statement().certificate().partition(b"\n")[2]


def test_a_key_transition_names_both_keys() -> None:
    text = key_transition("https://example.org", "alice@example.org", "AB" * 20, "CD" * 20, bytes(32))
    assert text.decode().split("\n") == [
        "hvx-key-transition/1",
        "origin: https://example.org",
        "account: alice@example.org",
        "key: " + "AB" * 20,
        "new-key: " + "CD" * 20,
        "challenge: " + "A" * 43,
    ]


def test_a_password_reset_names_the_key_that_signs_it() -> None:
    assert password_reset("https://example.org", "alice@example.org", "AB" * 20, bytes(32)).decode().split(
        "\n"
    ) == [
        "hvx-password-reset/1",
        "origin: https://example.org",
        "account: alice@example.org",
        "key: " + "AB" * 20,
        "challenge: " + "A" * 43,
    ]


@pytest.mark.parametrize(("key", "challenge"), [(31, 32), (32, 33)])
def test_a_device_hash_of_parts_of_another_length_is_refused(key: int, challenge: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        device_hash("alice@example.org", bytes(key), bytes(challenge))
