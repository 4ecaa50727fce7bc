"""Reading what a server sends: what has two readings, or none, ends the exchange."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.protocol import frames
from client.protocol.encoding import b64url
from client.protocol.frames import Cancel, Offer, Relay, Request, ServerError
from client.protocol.reading import read
from client.protocol.reasons import Reason, Refused
from tests.client.pair import EXCHANGE, NOW, Pair, Story, sent

KEY = b64url(bytes(32))


def _relay(frame: object, **around: object) -> str:
    return json.dumps(
        {"type": "relay", "exchange": EXCHANGE, "seq": 1, "from": KEY, "frame": frame, **around}
    )


def _frame(kind: str, **fields: object) -> dict[str, Any]:
    return {"type": kind, "exchange": EXCHANGE, **fields}


REVEAL = _frame("reveal", ephemeral_key=KEY, nonce=KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "{}",
        '{"type": 7}',
        "[" * 100_000,
        _relay(None),
        _relay([]),
        _relay(_frame("unheard-of")),
        _relay({**REVEAL, "more": 1}),
        _relay({name: value for name, value in REVEAL.items() if name != "nonce"}),
        _relay({**REVEAL, "nonce": b64url(bytes(31))}),
        _relay({**REVEAL, "nonce": KEY + "="}),
        _relay({**REVEAL, "nonce": None}),
        _relay({**REVEAL, "exchange": EXCHANGE.upper()}),
        _relay(REVEAL, seq=0),
        _relay(REVEAL, seq=True),
        _relay(REVEAL, seq=1.0),
        _relay(REVEAL, exchange="x"),
        _relay(_frame("deliver", sealed=b64url(bytes(frames.MAX_DELIVERY + 17)))),
        f'{{"type": "expired", "exchange": "{EXCHANGE}", "exchange": "{EXCHANGE}"}}',
        json.dumps(
            {"type": "offer", "from": KEY, "name": "", "platform": "", "expires_at": "", "frame": REVEAL}
        ),
        json.dumps({"type": "hello", "device": KEY, "scope": "full"}),
        " " * (2 * frames.MAX_FRAME) + "{}",
    ],
    ids=lambda text: text[:60],
)
def test_a_frame_that_is_not_of_the_protocol_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        read(text)
    assert refused.value.reason is Reason.BAD_FRAME


@pytest.mark.parametrize("suites", [[], ["x25519,other"], ["X25519"], [""], [7], "", "a,,b", ["a"] * 9, None])
def test_suites_that_would_hash_like_others_are_refused(suites: object) -> None:
    request = json.loads(sent(Pair().new_side().begin(NOW))[0])
    with pytest.raises(Refused):
        Pair().offer(json.dumps({**request, "suites": suites}))


def test_suites_are_taken_as_a_list_and_as_the_text_that_is_hashed() -> None:
    request = json.loads(sent(Pair().new_side().begin(NOW))[0])
    assert Pair().offer(json.dumps({**request, "suites": "x25519,y"})).request.suites == ("x25519", "y")
    assert Pair().offer(json.dumps({**request, "suites": ["x25519", "y"]})).request.suites == ("x25519", "y")


def test_an_unknown_frame_of_the_server_itself_is_passed_over() -> None:
    assert read('{"type": "something new"}') is None


def test_a_reason_that_is_no_word_of_the_protocol_goes_no_further() -> None:
    relay = read(_relay(_frame("cancel", reason="Type your code at evil.example")))
    assert isinstance(relay, Relay)
    assert relay.frame == Cancel(EXCHANGE, None)


@pytest.mark.parametrize("word", ["out_of_order", "wrong_qr", "expired"])
def test_a_reason_of_this_sides_own_cannot_come_from_the_peer(word: str) -> None:
    relay = read(_relay(_frame("cancel", reason=word)))
    assert isinstance(relay, Relay)
    assert relay.frame == Cancel(EXCHANGE, None)


def test_an_error_keeps_its_code_and_no_text() -> None:
    error = read(
        json.dumps({"type": "error", "exchange": None, "code": "rate_limited", "detail": "Call 0123"})
    )
    assert error == ServerError(None, "rate_limited")


def test_frames_that_say_the_same_are_the_same_however_they_are_spaced() -> None:
    one = read(_relay(REVEAL))
    other = read(json.dumps(json.loads(_relay(dict(reversed(REVEAL.items())))), indent=1))
    assert isinstance(one, Relay)
    assert isinstance(other, Relay)
    assert one.identity == other.identity


def test_every_frame_that_we_write_reads_as_what_it_was() -> None:
    story = Story.delivered()
    for text in (story.accept, story.reveal, story.prove, story.deliver):
        relay = read(_relay(json.loads(text)))
        assert isinstance(relay, Relay)
        assert frames.write(relay.frame) == text
    offer = story.pair.offer(story.request)
    assert isinstance(offer, Offer)
    assert isinstance(offer.request, Request)
    assert frames.write(offer.request) == story.request


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
)


@given(
    st.dictionaries(
        st.sampled_from(["type", "exchange", "seq", "from", "frame", "code", "device", "scope", "account"]),
        st.sampled_from(["relay", "offer", "hello", "error", "expired", EXCHANGE, KEY, 1]) | _JSON,
    )
)
def test_whatever_comes_is_read_or_refused_and_nothing_else(body: dict[str, object]) -> None:
    try:
        message = read(json.dumps(body))
    except Refused as refused:
        assert refused.reason is Reason.BAD_FRAME
    else:
        assert message is None or type(message).__name__.lower() in {
            "relay",
            "offer",
            "hello",
            "servererror",
            "expired",
        }
