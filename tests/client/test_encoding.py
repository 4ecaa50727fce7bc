"""LP, base64url and the grammar of names: what has two readings is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.protocol.encoding import (
    account_at,
    b64url,
    b64url_decode,
    check_origin,
    is_exchange,
    is_fingerprint,
    key_bytes,
    lp,
)


@pytest.mark.parametrize(
    "text",
    ["A", "AA==", "AAA=", "AB", "A+/A", "AA A", "AAAA\n", "ÄÄÄÄ", "AAAAB"],
    ids=[
        "one letter",
        "padded",
        "padded once",
        "spare bits",
        "standard alphabet",
        "space",
        "line end",
        "umlauts",
        "cut",
    ],
)
def test_what_is_not_canonical_base64url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        b64url_decode(text)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        key_bytes(b64url(bytes(length)))


@given(st.binary(max_size=200))
def test_base64url_gives_back_what_it_was_given(raw: bytes) -> None:
    assert b64url_decode(b64url(raw)) == raw
    assert "=" not in b64url(raw)


@given(st.lists(st.binary(max_size=20), max_size=5), st.lists(st.binary(max_size=20), max_size=5))
def test_two_lists_of_parts_never_join_to_the_same_bytes(one: list[bytes], other: list[bytes]) -> None:
    assert (lp(*one) == lp(*other)) == (one == other)


def test_a_part_stands_behind_its_length_in_four_bytes() -> None:
    assert lp("ä", b"\x00") == bytes.fromhex("00000002c3a40000000100")


@pytest.mark.parametrize(
    "origin",
    [
        "https://Example.org",
        "https://example.org/",
        "https://example.org:443",
        "http://example.org:80",
        "ftp://example.org",
        "example.org",
        "https://user@example.org",
        "https://exämple.org",
        "https://example.org\n",
        "https://example.org:08000",
        "https://",
    ],
)
def test_an_origin_in_any_other_form_than_the_signed_one_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        check_origin(origin)


@pytest.mark.parametrize(
    "origin", ["https://example.org", "http://localhost:8000", "https://xn--exmple-cua.org:444"]
)
def test_an_origin_in_its_one_form_is_taken(origin: str) -> None:
    assert check_origin(origin) == origin


@pytest.mark.parametrize("username", ["", "Alice", "a" * 31, "a-b", "a b", "alice\n", "älice"])
def test_an_account_of_no_username_is_refused(username: str) -> None:
    with pytest.raises(ValueError, match="username"):
        account_at(username, "https://example.org")


def test_an_account_is_the_name_at_host_and_port() -> None:
    assert account_at("alice", "http://localhost:8000") == "alice@localhost:8000"


def test_an_exchange_is_a_lower_case_uuid_and_a_fingerprint_upper_case_hex() -> None:
    assert is_exchange("6f1c2b3a-0000-4000-8000-00000000beef")
    assert not is_exchange("6F1C2B3A-0000-4000-8000-00000000BEEF")
    assert not is_exchange("6f1c2b3a-0000-4000-8000-00000000beef\n")
    assert is_fingerprint("AB" * 20)
    assert not is_fingerprint("ab" * 20)
    assert not is_fingerprint("AB" * 32)
