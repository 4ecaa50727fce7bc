"""Which URLs may be fetched, and how they go over the wire."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from activitypub.fetching.errors import Refused
from activitypub.fetching.targets import redirected, target
from activitypub.protocol.uris import MAX_URI_CHARACTERS


def refusal(url: str, *, plain_http: bool = False) -> str:
    with pytest.raises(Refused) as error:
        target(url, plain_http=plain_http)
    return error.value.reason.value


def test_plain_http_is_refused_unless_it_is_let_pass() -> None:
    assert refusal("http://peer.example/") == "plain_http"
    assert target("http://peer.example/", plain_http=True).url == "http://peer.example/"


@pytest.mark.parametrize("plain_http", [True, False])
@pytest.mark.parametrize(
    "url",
    [
        "ftp://peer.example/",
        "file:///etc/passwd",
        "gopher://peer.example/",
        "javascript:alert(1)",
        "data:application/json,{}",
        "unix:/run/control.sock",
        "//peer.example/",
        "/users/alice",
        "peer.example",
        "https+x://peer.example/",
        "",
    ],
)
def test_another_scheme_or_none_is_refused(url: str, plain_http: bool) -> None:
    assert refusal(url, plain_http=plain_http) == "bad_url"


@pytest.mark.parametrize(
    "url",
    [
        "https://alice@peer.example/",
        "https://alice:word@peer.example/",
        "https://@peer.example/",
        "https://peer.example#main-key",
        "https://peer.example/#",
        "https://peer.example/a b",
        "https://peer.example/a\tb",
        "https://peer.example/a\nb",
        "https://peer.example/a\r\nHost: inside",
        " https://peer.example/",
        "https://peer.example/\x00",
        "https://peer.example/\u202e",
        "https://peer.example/\ud800",
        "https://inside\\@peer.example/",
        "https://peer.example\\@inside/",
        "https:///path",
        "https:peer.example",
        "https://",
        "https://:443/",
        "https://peer.example:port/",
        "https://peer.example:99999/",
        "https://peer.example:-1/",
        "https://[::1/",
        "https://[::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[v1.a]/",
        "https://[peer.example]/",
        "https://peer..example/",
        "https://peer.example./",
        "https://.peer.example/",
        "https://peer%2eexample/",
        "https://peer.example%00.inside/",
        "https://peer,example/",
        "https://peer.example:0/",
        "https://みんな.example/",
        "https://xn--/\u200d",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 127 + "example/",
        "https://peer.example/" + "a" * MAX_URI_CHARACTERS,
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_refused(url: str) -> None:
    assert refusal(url) == "bad_url"


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f.1", "0x7f000001", "127.1", "0177.0.0.1", "1.2.3.4.5", "127.0.0.0x1", "0x", "peer.1"],
)
def test_a_number_is_an_address_only_in_its_usual_form(host: str) -> None:
    assert refusal(f"https://{host}/") == "bad_url"


@pytest.mark.parametrize("port", [1, 22, 25, 53, 79, 81, 442, 444, 465, 587, 993, 1023])
def test_ports_of_other_protocols_are_refused(port: int) -> None:
    assert refusal(f"https://peer.example:{port}/") == "port"


@pytest.mark.parametrize(
    ("url", "wire", "host"),
    [
        ("https://peer.example", "https://peer.example/", "peer.example"),
        ("https://PEER.Example:443/Users/A", "https://peer.example/Users/A", "peer.example"),
        ("https://peer.example:80/", "https://peer.example:80/", "peer.example:80"),
        ("https://peer.example:8443/a?b=c&d", "https://peer.example:8443/a?b=c&d", "peer.example:8443"),
        ("https://peer.example/%7Ea/../b", "https://peer.example/%7Ea/../b", "peer.example"),
        ("https://peer.example/?author=1", "https://peer.example/?author=1", "peer.example"),
        ("https://peer.example/ü?q=ö", "https://peer.example/%C3%BC?q=%C3%B6", "peer.example"),
        ("https://xn--q9jyb4c.example/", "https://xn--q9jyb4c.example/", "xn--q9jyb4c.example"),
        ("https://a_b.example/@alice", "https://a_b.example/@alice", "a_b.example"),
        ("https://203.0.113.5/", "https://203.0.113.5/", "203.0.113.5"),
        ("https://[2001:DB8:0::1]/", "https://[2001:db8::1]/", "[2001:db8::1]"),
        ("https://[::ffff:127.0.0.1]:8443/", "https://[::ffff:7f00:1]:8443/", "[::ffff:7f00:1]:8443"),
    ],
)
def test_one_address_has_one_form_on_the_wire(url: str, wire: str, host: str) -> None:
    at = target(url)
    assert (at.url, at.host) == (wire, host)
    assert target(wire) == at


@pytest.mark.parametrize(
    ("location", "wire"),
    [
        ("/b", "https://peer.example/b"),
        ("b?c", "https://peer.example/users/b?c"),
        ("//other.example/b", "https://other.example/b"),
        ("https://other.example/b", "https://other.example/b"),
    ],
)
def test_a_redirect_is_read_from_where_it_stands(location: str, wire: str) -> None:
    assert redirected(target("https://peer.example/users/a"), location).url == wire


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        (None, "bad_redirect"),
        ("http://peer.example/", "plain_http"),
        ("file:///etc/passwd", "bad_url"),
        ("//alice@peer.example/", "bad_url"),
        ("/b#c", "bad_url"),
        ("https://[::1", "bad_url"),
        ("//0x7f.1/", "bad_url"),
    ],
)
def test_a_redirect_is_held_to_the_same_rules(location: str | None, reason: str) -> None:
    with pytest.raises(Refused) as error:
        redirected(target("https://peer.example/users/a"), location)
    assert error.value.reason.value == reason


@settings(deadline=None)
@given(st.one_of(st.text(), st.text().map(lambda text: "https://" + text)))
def test_any_text_is_a_target_or_refused_and_the_client_reads_the_same(url: str) -> None:
    try:
        at = target(url)
    except Refused:
        return
    read = URL(at.url, encoded=True)
    assert (str(read), read.host_port_subcomponent) == (at.url, at.host)
    assert read.user is None
    assert not read.fragment
