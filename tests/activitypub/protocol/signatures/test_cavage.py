"""The Signature header of draft-cavage, read strictly."""

import pytest

from activitypub.protocol.signatures import cavage
from activitypub.protocol.signatures.cavage import (
    MAX_HEADER_CHARACTERS,
    MAX_PARAMETERS,
    MAX_SIGNED_HEADERS,
    parse,
)
from activitypub.protocol.signatures.reasons import Reason, SignatureError
from tests.activitypub.protocol.signatures.people import post, rsa_key

GOOD = 'keyId="https://a.example/#k",algorithm="rsa-sha256",headers="(request-target) host",signature="AAAA"'


@pytest.mark.parametrize(
    "value",
    [
        "",
        "asdf",
        ",",
        GOOD + ",",
        GOOD + ",,",
        GOOD + " x",
        GOOD.replace('"', "'"),
        GOOD.replace(",", ";"),
        GOOD + ',keyId="https://b.example/#k"',
        GOOD + ',signature="BBBB"',
        GOOD + ',headers="date"',
        GOOD + ',x="1",x="1"',
        GOOD.replace('signature="AAAA"', 'signature="AAA"'),
        GOOD.replace('signature="AAAA"', 'signature="AA AA"'),
        GOOD.replace('signature="AAAA"', 'signature="A_A-"'),
        GOOD.replace('signature="AAAA"', 'signature="é==="'),
        GOOD.replace('signature="AAAA"', 'signature="AA\\"AA"'),
        GOOD.replace('signature="AAAA"', "signature=AAAA"),
        GOOD.replace('signature="AAAA"', 'signature="AAAA'),
        'keyId="k",headers="date"',
        'headers="date",signature="AAAA"',
        GOOD.replace("(request-target) host", ""),
        GOOD.replace("(request-target) host", "host  date"),
        GOOD.replace("(request-target) host", " host"),
        GOOD.replace("(request-target) host", "host host"),
        GOOD.replace("(request-target) host", "Host host"),
        GOOD.replace("(request-target) host", "host\tdate"),
        GOOD.replace("(request-target) host", "h\x00st"),
        GOOD.replace("(request-target) host", "host:"),
        GOOD + ",created=abc",
        GOOD + ",created=-1",
        GOOD + ',created="1e9"',
        GOOD + ",created=1.",
        GOOD + ",expires=9999999999999",
        GOOD + ",expires=\u0661",
    ],
)
def test_a_header_that_is_not_one_signature_is_malformed(value: str) -> None:
    with pytest.raises(SignatureError) as refused:
        parse(value)
    assert refused.value.reason is Reason.SIGNATURE_MALFORMED


@pytest.mark.parametrize(
    "value",
    [
        GOOD + ',x="' + "x" * MAX_HEADER_CHARACTERS + '"',
        GOOD + "".join(f',x{number}="1"' for number in range(MAX_PARAMETERS)),
        GOOD.replace("host", " ".join(f"h{number}" for number in range(MAX_SIGNED_HEADERS))),
    ],
    ids=["characters", "parameters", "headers"],
)
def test_a_header_has_its_bounds(value: str) -> None:
    with pytest.raises(SignatureError, match="too_large"):
        parse(value)


def test_parameters_come_in_any_order_with_blanks_between_and_unknown_ones_beside() -> None:
    one = parse(GOOD)
    other = parse(' signature="AAAA" ,\theaders="(request-target) host", x=1,keyId="https://a.example/#k"')
    assert (one.key_id, one.headers, one.signature) == (other.key_id, other.headers, other.signature)
    assert other.algorithm is None


def test_names_in_capitals_are_read_as_they_are_signed() -> None:
    assert parse(GOOD.replace("host", "Host Date")).headers == ("(request-target)", "host", "date")


def test_times_are_kept_as_they_are_written() -> None:
    signature = parse(GOOD + ',created=0012,expires="13.50"')
    assert (signature.created, signature.expires) == ("0012", "13.50")


def test_where_nothing_is_named_the_time_is_what_is_signed() -> None:
    bare = 'keyId="k",signature="AAAA"'
    assert parse(bare).headers == ("date",)
    assert parse(bare + ",created=1").headers == ("(created)",)


@pytest.mark.parametrize("key_id", ['a"b', "a\\b", "a\nb", "é"])
def test_a_key_id_of_ours_cannot_leave_its_quotes(key_id: str) -> None:
    with pytest.raises(SignatureError, match="key_id_malformed"):
        cavage.sign(post(), rsa_key(), key_id, ["(request-target)"])
