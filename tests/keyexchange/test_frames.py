"""What is a frame and what is `bad_frame`."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.protocol.encoding import b64url
from keyexchange.protocol.frames import MAX_FRAME_BYTES, SHAPES, Frame, parse
from keyexchange.protocol.refusals import BadFrame
from tests.keyexchange.builders import LAPTOP, NEW, STORY, Actor, X

SHORT = b64url(bytes(31))
LONG = b64url(bytes(33))
KEY_FIELDS = [
    ("request", "device"),
    ("request", "device_key"),
    ("request", "challenge"),
    ("request", "commitment"),
    ("request", "to"),
    ("accept", "device"),
    ("accept", "device_key"),
    ("accept", "ephemeral_key"),
    ("accept", "nonce"),
    ("reveal", "ephemeral_key"),
    ("reveal", "nonce"),
]


def refused(text: str) -> BadFrame:
    with pytest.raises(BadFrame) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "7",
        '"request"',
        "{}",
        "\ufeff{}",
        "NaN",
        "[" * 60_000,
        '{"a":' * 10_000,
        "1" * 5000,
    ],
)
def test_what_is_no_json_object_is_refused(text: str) -> None:
    assert refused(text).exchange is None


@pytest.mark.parametrize(
    "exchange",
    [None, 7, "", str(X).upper(), X.replace("-", ""), X + " ", X[:-1], f"{{{X}}}", X + "\n", [X]],
)
def test_an_exchange_that_is_no_lower_case_uuid_is_refused(exchange: Any) -> None:
    fields = {**NEW.fields("reveal", X), "exchange": exchange}
    assert refused(json.dumps(fields)).exchange is None


@pytest.mark.parametrize("kind", ["hello", "offer", "relay", "error", "", None, 1, ["ack"], "Request"])
def test_a_type_that_no_client_sends_is_refused(kind: Any) -> None:
    fields = {**NEW.fields("reveal", X), "type": kind}
    assert refused(json.dumps(fields)).exchange == X


@pytest.mark.parametrize(("kind", "name"), KEY_FIELDS)
@pytest.mark.parametrize(
    "value",
    ["", SHORT, LONG, "A" * 42 + "=", "A" * 42 + "B", "+" * 43, "A" * 43 + "=", 32, ["A" * 43], {}, True],
)
def test_keys_nonces_challenges_and_commitments_are_32_bytes(kind: str, name: str, value: Any) -> None:
    error = refused(NEW.text(kind, X, **{name: value}))
    assert name in error.detail
    assert error.exchange == X


@pytest.mark.parametrize(
    ("kind", "length"),
    [("prove", 79), ("prove", 81), ("prove", 0), ("ack", 15), ("ack", 17), ("deliver", 16), ("deliver", 0)],
)
def test_a_sealed_of_another_length_is_refused(kind: str, length: int) -> None:
    assert "sealed" in refused(NEW.text(kind, X, sealed=b64url(bytes(length)))).detail


@pytest.mark.parametrize(
    "suites",
    [
        "",
        ",",
        "x25519,",
        "X25519",
        "x25519, x448",
        [],
        [""],
        ["x25519,x448"],
        [1],
        "a" * 256,
        None,
        7,
        {"x25519": 1},
    ],
)
def test_suites_of_another_grammar_are_refused(suites: Any) -> None:
    assert "suites" in refused(NEW.text("request", X, suites=suites)).detail


@pytest.mark.parametrize("suites", ["x25519", "x25519,ml-kem-768", ["x25519", "ml-kem-768"]])
def test_suites_are_names_joined_by_commas_or_their_list(suites: Any) -> None:
    assert parse(NEW.text("request", X, suites=suites)).type == "request"


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("accept", {"suite": "x25519,x448"}),
        ("accept", {"suite": ""}),
        ("accept", {"method": "nfc"}),
        ("accept", {"method": None}),
        ("cancel", {"reason": "please read this"}),
        ("cancel", {"reason": None}),
    ],
)
def test_words_outside_the_contract_are_refused(kind: str, changes: dict[str, Any]) -> None:
    assert next(iter(changes)) in refused(NEW.text(kind, X, **changes)).detail


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, shape in SHAPES.items() for name in shape if name != "to"]
)
def test_every_field_must_be_there(kind: str, name: str) -> None:
    fields = NEW.fields(kind, X)
    del fields[name]
    assert f"`{name}` is missing" in refused(json.dumps(fields)).detail


@pytest.mark.parametrize("kind", SHAPES)
def test_a_field_too_many_is_refused(kind: str) -> None:
    assert refused(NEW.text(kind, X, note="read me")).exchange == X


def test_a_name_that_stands_twice_is_refused() -> None:
    twice = NEW.text("cancel", X).replace("{", '{"type": "ack", ', 1)
    assert json.loads(twice)["type"] == "cancel"
    assert refused(twice).code == "bad_frame"


def test_a_frame_over_64_kib_is_refused_and_one_of_64_kib_is_not() -> None:
    largest = NEW.text("deliver", X, sealed=b64url(bytes(45_000)))
    padded = largest + " " * (MAX_FRAME_BYTES - len(largest))
    assert parse(padded).type == "deliver"
    assert "64 KiB" in refused(padded + " ").detail


def test_non_ascii_text_is_refused_before_its_bytes_are_counted() -> None:
    assert refused(NEW.text("reveal", X) + "\u00a0").code == "bad_frame"


@given(st.text(max_size=200))
def test_no_text_at_all_does_anything_but_parse_or_be_refused(text: str) -> None:
    with pytest.raises(BadFrame):
        parse(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)


@given(kind=st.sampled_from(sorted(SHAPES)), data=st.data())
def test_any_json_in_any_field_parses_or_is_refused(kind: str, data: st.DataObject) -> None:
    fields = NEW.fields(kind, X)
    name = data.draw(st.sampled_from(sorted(fields)))
    fields[name] = data.draw(json_values)
    try:
        frame: Frame | BadFrame = parse(json.dumps(fields))
    except BadFrame as error:
        frame = error
    # Where anything was read of it, it was read rightly.
    assert frame.exchange in (None, X)
    assert isinstance(frame, BadFrame) or (frame.exchange, frame.type) == (X, kind)


@pytest.mark.parametrize(("actor", "kind"), STORY)
def test_every_frame_of_the_story_parses_and_keeps_its_text(actor: Actor, kind: str) -> None:
    text = actor.text(kind, X)
    assert parse(text).text == text


def test_a_frame_shows_nothing_of_its_text_in_its_repr() -> None:
    frame = LAPTOP.frame("deliver", X)
    assert "sealed" not in repr(frame)


def test_a_missing_to_is_the_same_as_null() -> None:
    fields = NEW.fields("request", X)
    del fields["to"]
    assert parse(json.dumps(fields)).to is parse(NEW.text("request", X, to=None)).to is None
