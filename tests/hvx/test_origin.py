"""The origin as PROTOCOL §1 writes it: it stands in everything signed, so it has one spelling."""

import pytest

from hvx.origin import BadOrigin, host_of, normalise_origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.org",
        "//example.org",
        "ftp://example.org",
        "https://",
        "https://example.org/path",
        "https://example.org/?q",
        "https://example.org?q",
        "https://example.org/#f",
        "https://user@example.org",
        "https://user:word@example.org",
        "https://example.org:port",
        "https://example.org:99999",
        "https://[::1",
        "https://exa mple.org",
        "https://" + "a" * 64 + ".org",
        "https://-bad-.example..org",
    ],
)
def test_what_is_no_origin_stops_the_start(text: str) -> None:
    with pytest.raises(BadOrigin):
        normalise_origin(text)


@pytest.mark.parametrize(
    ("text", "origin", "host"),
    [
        ("https://example.org", "https://example.org", "example.org"),
        ("https://example.org/", "https://example.org", "example.org"),
        (" https://example.org\n", "https://example.org", "example.org"),
        ("HTTPS://Example.ORG", "https://example.org", "example.org"),
        ("https://example.org:443", "https://example.org", "example.org"),
        ("http://example.org:80/", "http://example.org", "example.org"),
        ("https://example.org:80", "https://example.org:80", "example.org:80"),
        ("http://localhost:8000", "http://localhost:8000", "localhost:8000"),
        ("https://bücher.example", "https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443", "[2001:db8::1]:8443"),
    ],
)
def test_an_origin_has_one_spelling(text: str, origin: str, host: str) -> None:
    assert normalise_origin(text) == origin
    assert normalise_origin(origin) == origin
    assert host_of(origin) == host
