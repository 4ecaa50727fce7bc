"""Which bytes are a document, and above all which are not."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.protocol.documents.reading import MAX_BYTES, MAX_DEPTH, MAX_ITEMS, MAX_VALUES, read
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument


def refusal(body: bytes) -> Refusal:
    with pytest.raises(RefusedDocument) as caught:
        read(body)
    return caught.value.refusal


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{} {}",
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":01}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xff"}',
        b'{"a":"\x00"}',
        "{}".encode("utf-16"),
    ],
)
def test_what_is_no_json_in_utf8_is_refused(body: bytes) -> None:
    assert refusal(body) is Refusal.NOT_JSON


@pytest.mark.parametrize(
    "escaped", [rb"\ud800", rb"\udc00", rb"\udc00\ud800", rb"\ud800x", rb"\uD83D\u0041", "\ud800"]
)
def test_half_a_character_is_refused_escaped_or_not(escaped: bytes | str) -> None:
    text = escaped.encode("utf-8", "surrogatepass") if isinstance(escaped, str) else escaped
    assert refusal(b'{"a":"' + text + b'"}') is Refusal.NOT_JSON
    assert refusal(b'{"' + text + b'":1}') is Refusal.NOT_JSON


@pytest.mark.parametrize("body", [b"[]", b'"a"', b"1", b"null", b"true", b"[{}]"])
def test_json_that_is_no_object_is_refused(body: bytes) -> None:
    assert refusal(body) is Refusal.NOT_AN_OBJECT


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":"x","a":"y"}',
        b'{"a":{"b":1,"c":2,"b":3}}',
        b'{"a":[{"b":1,"b":{}}]}',
        b'{"actor":"x","\\u0061ctor":"y"}',
        b'{"a":1,"a":{"b":"c","d":["e"]}}',
        b'{"":1,"":2}',
        b'{"a\\"":1,"a\\"":2}',
        b'{"a\\\\":1,"a\\\\":2}',
    ],
)
def test_a_member_that_stands_twice_is_refused_wherever_and_however_it_is_written(body: bytes) -> None:
    assert refusal(body) is Refusal.DUPLICATE_MEMBER


@pytest.mark.parametrize("body", [rb'{"a":"\u0000"}', rb'{"\u0000":1}', rb'{"a":["\\\u0000"]}'])
def test_nul_is_refused_in_values_and_names(body: bytes) -> None:
    assert refusal(body) is Refusal.NUL


def test_the_text_of_an_escaped_nul_is_a_text_like_any_other() -> None:
    assert read(rb'{"a":"\\u0000"}') == {"a": r"\u0000"}


@pytest.mark.parametrize(
    "number", ["9223372036854775808", "-9223372036854775809", "1" + "0" * 30, "1e19", "-1e300"]
)
def test_a_number_beyond_64_bits_is_refused_at_any_depth(number: str) -> None:
    assert refusal(f'{{"a":{number}}}'.encode()) is Refusal.NUMBER_OUT_OF_RANGE
    assert refusal(f'{{"a":[{{"b":[{number}]}}]}}'.encode()) is Refusal.NUMBER_OUT_OF_RANGE


def test_the_largest_and_smallest_numbers_are_read() -> None:
    assert read(b'{"a":[9223372036854775807,-9223372036854775807,1e-300]}')["a"] == [
        2**63 - 1,
        1 - 2**63,
        1e-300,
    ]


def test_a_document_is_read_up_to_a_mebibyte_and_not_a_byte_further() -> None:
    body = b'{"a":"' + b"x" * (MAX_BYTES - 8) + b'"}'
    assert len(body) == MAX_BYTES
    assert len(read(body)["a"]) == MAX_BYTES - 8
    assert refusal(body + b" ") is Refusal.TOO_LARGE


def test_depth_is_bounded() -> None:
    assert read(nested(MAX_DEPTH))
    assert refusal(nested(MAX_DEPTH + 1)) is Refusal.TOO_DEEP
    assert refusal(nested(100)) is Refusal.TOO_DEEP
    assert refusal(b'{"a":' + b"[" * 100 + b"]" * 100 + b"}") is Refusal.TOO_DEEP
    assert refusal(nested(30_000)) is Refusal.NOT_JSON  # the parser's own bound comes first


def test_arrays_and_all_values_together_are_bounded() -> None:
    assert len(read(b'{"a":[' + b"0," * (MAX_ITEMS - 1) + b"0]}")["a"]) == MAX_ITEMS
    assert refusal(b'{"a":[' + b"0," * MAX_ITEMS + b"0]}") is Refusal.TOO_MANY_VALUES
    half = b"[" + b"0," * (MAX_ITEMS - 1) + b"0]"
    assert refusal(b'{"a":' + half + b',"b":' + half + b"}") is Refusal.TOO_MANY_VALUES
    members = ",".join(f'"{number}":0' for number in range(MAX_VALUES + 1))
    assert refusal(f"{{{members}}}".encode()) is Refusal.TOO_MANY_VALUES


def test_a_document_of_nothing_but_brackets_is_refused_before_it_is_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(orjson, "loads", lambda _: pytest.fail("was parsed"))
    assert refusal(b'{"a":[' + b"[]," * MAX_VALUES + b"[]]}") is Refusal.TOO_MANY_VALUES


def test_a_refusal_quotes_nothing_of_the_document() -> None:
    with pytest.raises(RefusedDocument) as caught:
        read(b'{"words":"of a stranger","words":1')
    assert "words" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


_scalars = st.none() | st.booleans() | st.integers(1 - 2**63, 2**63 - 1) | st.floats(-1e18, 1e18)
_words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
_values = st.recursive(
    _scalars | _words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(_words, _values, max_size=6), st.booleans())
def test_what_another_writes_with_the_standard_library_is_read_as_it_was_meant(
    document: dict[str, object], ascii_only: bool
) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only, indent=1).encode()
    try:
        assert read(body) == document
    except RefusedDocument as error:
        # Only words that JSON-LD keeps for itself, and what is too deep.
        assert error.refusal in (Refusal.KEYWORD, Refusal.TOO_DEEP)


@given(st.dictionaries(_words, _scalars | _words, min_size=1), st.data())
def test_any_member_written_twice_is_found(document: dict[str, object], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(document)))
    pairs = [*document.items(), (name, data.draw(_values))]
    pairs = data.draw(st.permutations(pairs))
    body = "{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs) + "}"
    with pytest.raises(RefusedDocument):
        read(body.encode())


@given(st.binary(max_size=200) | _words.map(str.encode))
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    try:
        assert isinstance(read(body), dict)
    except RefusedDocument as error:
        assert error.refusal in Refusal
