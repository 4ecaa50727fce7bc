"""Which texts are addresses of the fediverse, and whose they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.protocol.uris import (
    MAX_URI_CHARACTERS,
    Origin,
    host_name,
    is_uri,
    origin_of,
    same_origin,
    without_fragment,
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.example/1",
        "//a.example/1",
        "ftp://a.example/1",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/html,x",
        "acct:alice@a.example",
        "did:web:a.example",
        "HTTPS://a.example/1",
        "https:a.example",
        "https://",
        "https:///1",
        "https://alice@a.example/1",
        "https://alice:secret@a.example/1",
        "https://@a.example/1",
        "https://a.example@b.example/1",
        "https://a.example\\@b.example/1",
        "https://a.example\\b/1",
        "https://a.example:/1",
        "https://a.example:0/1",
        "https://a.example:65536/1",
        "https://a.example:x/1",
        "https://a.example:-1/1",
        "https://a.example./1",
        "https://.a.example/1",
        "https://a..example/1",
        "https://a%2eexample/1",
        "https://a example/1",
        "https://" + "a" * 64 + ".example/1",
        "https://" + "a.b" * 90 + "/1",
        "https://[::1/1",
        "https://[::1]x/1",
        "https://[fe80::1%25eth0]/1",
        "https://[:::]/1",
        "https://a.example/1 ",
        " https://a.example/1",
        "https://a.example/1\n",
        "https://a.example/\t1",
        "https://a.example/\x00",
        "https://a.example/\x85",
        'https://a.example/"1"',
        "https://a.example/<1>",
        "https://a.example/\u202e1",
        "https://a.example/\u200b1",
        "https://a.example/\u2028",
        "https://\ud800.example/1",
        "https://a.example/\ud800",
        "https://bücher.example/1",
        "https://a\u3000.example/1",
        "https://a\u2044b.example/1",
        "https://a.example/" + "x" * MAX_URI_CHARACTERS,
    ],
)
def test_what_is_no_address_or_could_be_read_as_two_has_no_origin(text: str) -> None:
    assert origin_of(text) is None
    assert not is_uri(text)
    assert not same_origin(text, text)


@pytest.mark.parametrize("value", [None, 1, True, [], {}, b"https://a.example/1"])
def test_what_is_no_text_is_no_uri(value: object) -> None:
    assert not is_uri(value)


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://a.example", Origin("https", "a.example", 443)),
        ("https://a.example?p=1", Origin("https", "a.example", 443)),
        ("https://a.example#main-key", Origin("https", "a.example", 443)),
        ("https://A.Example:443/x", Origin("https", "a.example", 443)),
        ("http://a.example/@x:y@z", Origin("http", "a.example", 80)),
        ("http://localhost:8000/users/a", Origin("http", "localhost", 8000)),
        ("https://xn--bcher-kva.example/ä", Origin("https", "xn--bcher-kva.example", 443)),
        ("https://under_score.example/", Origin("https", "under_score.example", 443)),
        ("https://[2001:DB8:0::1]:8443/", Origin("https", "[2001:db8::1]", 8443)),
        ("https://127.0.0.1/", Origin("https", "127.0.0.1", 443)),
    ],
)
def test_an_address_has_the_origin_of_its_scheme_host_and_port(uri: str, origin: Origin) -> None:
    assert origin_of(uri) == origin


@pytest.mark.parametrize(
    "other",
    [
        "http://a.example/1",
        "https://a.example:444/1",
        "https://b.a.example/1",
        "https://a.example.b/1",
        "https://xa.example/1",
        "no uri",
    ],
)
def test_another_scheme_host_or_port_is_another_origin(other: str) -> None:
    assert same_origin("https://a.example/1", "https://A.example:443/2#x")
    assert not same_origin("https://a.example/1", other)
    assert not same_origin("https://a.example/1", "https://a.example/2", other)


def test_the_port_stands_in_a_handle_only_where_it_is_not_the_schemes_own() -> None:
    def authority(uri: str) -> str:
        origin = origin_of(uri)
        assert origin is not None
        return origin.authority

    assert authority("https://a.example:443/") == "a.example"
    assert authority("http://a.example:80/") == "a.example"
    assert authority("http://a.example:443/") == "a.example:443"
    assert authority("https://[::1]:8000/") == "[::1]:8000"


def test_a_host_is_one_name_in_all_its_spellings() -> None:
    assert host_name("A.Example") == host_name("a.example") == "a.example"
    assert host_name("BÜCHER.example") == host_name("bu\u0308cher.example") == "xn--bcher-kva.example"
    assert host_name("") is None
    assert host_name("a.example.") is None
    assert host_name("a example") is None


def test_a_fragment_is_left_away_and_nothing_else() -> None:
    assert without_fragment("https://a.example/1?x#y#z") == "https://a.example/1?x"


@given(st.text() | st.from_regex(r"https?://[^/]{0,20}(/.*)?", fullmatch=True))
def test_any_text_has_an_origin_or_none(text: str) -> None:
    origin = origin_of(text)
    assert origin is None or (origin.host.isascii() and origin.host == origin.host.lower())
