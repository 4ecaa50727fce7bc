"""Fields as they are signed: trimmed, joined, unfolded, and never with a line break."""

import pytest

from activitypub.protocol.signatures.cavage import CavageSignature, signing_string
from activitypub.protocol.signatures.messages import (
    SignedRequest,
    canonical_fields,
    combined,
    decoded,
    normal_authority,
)
from activitypub.protocol.signatures.reasons import SignatureError


@pytest.mark.parametrize("value", ["a\nb", "a\r\nb: c", "a\rb", "a\r\n\r\n b", "a\n", "\n"])
def test_a_line_break_that_folds_nothing_is_refused(value: str) -> None:
    with pytest.raises(SignatureError, match="field_malformed"):
        canonical_fields((("X-Name", value),))


@pytest.mark.parametrize("value", ["a\r\n b", "a\n\tb", " a  \r\n   b "])
def test_a_folded_line_is_one(value: str) -> None:
    assert canonical_fields((("X-Name", value),)) == {"x-name": ["a b"]}


def test_lines_of_one_name_are_joined_in_order_whatever_their_case() -> None:
    fields = canonical_fields((("Accept", " one"), ("Host", "h"), ("ACCEPT", "two\t")))
    assert combined(fields, "accept") == "one, two"


def test_an_empty_field_is_signed_as_empty_and_a_missing_one_not_at_all() -> None:
    request = SignedRequest("GET", "/", "hvx.example", (("Zero", "  "),))
    assert signing_string(request, CavageSignature("k", None, ("zero",), b"")) == b"zero: "
    with pytest.raises(SignatureError, match="field_missing"):
        signing_string(request, CavageSignature("k", None, ("one",), b""))


def test_the_bytes_of_a_field_are_signed_as_they_came() -> None:
    raw = bytes(range(0x80, 0x100))
    request = SignedRequest("GET", "/", "hvx.example", decoded([(b"x-raw", b"a" + raw + b"z")]))
    signed = signing_string(request, CavageSignature("k", None, ("x-raw",), b""))
    assert signed == b"x-raw: a" + raw + b"z"


@pytest.mark.parametrize("target", ["/inbox\ndate: never", "/inbox\r\nhost: other.example"])
def test_a_target_cannot_forge_a_line(target: str) -> None:
    request = SignedRequest("GET", target, "hvx.example", ())
    with pytest.raises(SignatureError, match="field_malformed"):
        signing_string(request, CavageSignature("k", None, ("(request-target)",), b""))


def test_text_that_is_no_header_is_refused() -> None:
    request = SignedRequest("GET", "/", "hvx.example", (("X-Name", "\u2028 \ud800"),))
    with pytest.raises(SignatureError, match="field_malformed"):
        signing_string(request, CavageSignature("k", None, ("x-name",), b""))


@pytest.mark.parametrize(
    ("authority", "scheme", "normal"),
    [
        ("HVX.example:443", "https", "hvx.example"),
        ("hvx.example:80", "https", "hvx.example:80"),
        ("hvx.example:80", "http", "hvx.example"),
        ("localhost:8000", "http", "localhost:8000"),
        ("[::1]:443", "https", "[::1]"),
    ],
)
def test_an_authority_is_in_lower_case_without_its_own_port(authority: str, scheme: str, normal: str) -> None:
    assert normal_authority(authority, scheme) == normal
