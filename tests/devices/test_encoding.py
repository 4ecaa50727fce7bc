"""base64url as the protocol writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.protocol.encoding import b64url, b64url_decode


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("AA==", "padding"),
        ("AAA=", "padding"),
        ("+_8", "a letter of the other alphabet"),
        ("/_8", "a letter of the other alphabet"),
        ("AA\n", "a line feed at the end"),
        (" AA", "white space"),
        ("A", "a length that no bytes have"),
        ("AB", "set trailing bits"),
        ("AAB", "set trailing bits"),
        ("ÄA", "a letter beyond ASCII"),
        ("\ud800A", "half a character"),
    ],
)
def test_base64url_refuses(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        b64url_decode(text)


@given(st.binary(max_size=100))
def test_base64url_gives_back_what_it_took_and_has_no_padding(raw: bytes) -> None:
    text = b64url(raw)
    assert b64url_decode(text) == raw
    assert "=" not in text


@given(st.text(alphabet="AQgw-_09=", max_size=8))
def test_one_value_has_one_spelling(text: str) -> None:
    try:
        raw = b64url_decode(text)
    except ValueError:
        return
    assert b64url(raw) == text
