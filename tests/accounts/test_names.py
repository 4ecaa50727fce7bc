"""Usernames as the fediverse writes them, reserved ones, and e-mail addresses as they are looked up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.protocol.names import RESERVED, account_text, is_username, normalise_email


@pytest.mark.parametrize(
    "text",
    [
        *("", "A", "Alice", "al ice", "al-ice", "al.ice", "alice@", "älice", "alice\n", "\nalice", "a" * 31),
        # Letters and digits that only look like those of ASCII.
        *("\u0430lice", "\u0661\u0662", "alice\x00", "\uff4cice"),
    ],
)
def test_no_username_is(text: str) -> None:
    assert not is_username(text)


@pytest.mark.parametrize("text", ["a", "_", "0", "alice", "alice_2", "a" * 30, "__init__"])
def test_a_username_is(text: str) -> None:
    assert is_username(text)


@given(st.text(max_size=40))
def test_a_username_is_ascii_and_no_longer_than_thirty(text: str) -> None:
    if is_username(text):
        assert text.isascii()
        assert text == text.lower()
        assert 1 <= len(text) <= 30


def test_every_reserved_name_could_else_be_registered() -> None:
    assert all(is_username(name) for name in RESERVED)
    assert {"admin", "root", "postmaster", "abuse", "hvx", "instance", "me", "security"} <= RESERVED


def test_an_account_is_its_name_at_the_host_with_its_port() -> None:
    assert account_text("alice", "example.org:8443") == "alice@example.org:8443"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice@example.org", "ALICE@Example.ORG"),
        ("alice@example.org", "  alice@example.org\n"),
        ("straße@example.org", "STRASSE@example.org"),
        ("alice@example.org", "\uff41\uff4c\uff49\uff43\uff45@example.org"),
        ("café@example.org", "cafe\u0301@example.org"),
        ("alice@bücher.example", "alice@xn--bcher-kva.example"),
        ("alice@BU\u0308CHER.example", "alice@XN--BCHER-KVA.Example"),
        ("alice@straße.example", "alice@xn--strae-oqa.example"),
        ("alice@例え\u3002テスト", "alice@xn--r8jz45g.xn--zckzah"),
    ],
)
def test_spellings_that_people_take_for_the_same_are_the_same_address(one: str, other: str) -> None:
    assert normalise_email(one) == normalise_email(other)


@pytest.mark.parametrize(
    "other", ["alice+x@example.org", "a.lice@example.org", "alice@example.net", "alice@exämple.org"]
)
def test_other_addresses_are_other_addresses(other: str) -> None:
    assert normalise_email("alice@example.org") != normalise_email(other)


def test_domains_that_are_written_alike_and_are_two_stay_two() -> None:
    assert normalise_email("alice@straße.example") != normalise_email("alice@strasse.example")


@pytest.mark.parametrize(
    "email",
    [
        "alice@",
        "@",
        "alice@a_b.example",
        "alice@[192.0.2.1]",
        "alice@xn--a",
        "alice@\ud800",
        "a@" + "ä" * 300,
    ],
)
def test_what_is_no_domain_name_is_looked_up_as_it_is(email: str) -> None:
    assert normalise_email(email) == email


@given(st.emails() | st.text(st.characters(categories=["L", "Nd"])).map("a@{}.example".format))
def test_a_normal_form_is_its_own(email: str) -> None:
    assert normalise_email(normalise_email(email)) == normalise_email(email)
