"""Whatever an activity looks like, an inbox keeps it or has a word for why not."""

import asyncio
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.errors import ActivityMalformed, ActivityRefused, SignatureRefused
from activitypub.inbox.application import _arrival, inbox_at
from activitypub.inbox.authentication import Authenticated, authenticate, claim_of
from activitypub.protocol.signatures.messages import SignedRequest
from activitypub.remote import keys
from activitypub.remote.keys import RemoteKey
from activitypub.services.receiving import Arrival
from tests.activitypub.senders import rsa_key, signed_by, unsigned_post

BOB = "https://remote.example/users/bob"

_TYPES = st.sampled_from(
    ["Create", "Update", "Delete", "Undo", "Accept", "Move", "Add", "Flag", "Like", "Announce", "Note", "X"]
)
_NAMES = st.sampled_from(
    ["id", "type", "actor", "object", "target", "to", "cc", "attributedTo", "tag", "@context", "content"]
)
_ADDRESSES = st.sampled_from(
    [BOB, f"{BOB}/1", "https://other.example/1", "as:Public", "", "bob", "//", "\ud7ff"]
)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | _ADDRESSES | _TYPES
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_NAMES | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=20,
)
_ACTIVITIES = st.fixed_dictionaries(
    {"id": st.just(f"{BOB}/1") | _VALUES, "type": _TYPES, "actor": st.just(BOB) | _VALUES, "object": _VALUES},
    optional={"target": _VALUES, "@context": _VALUES, "instrument": _VALUES, "to": _VALUES},
)


def sent(body: bytes) -> Authenticated:
    """Bytes that bob has signed."""
    keys._remember(RemoteKey(f"{BOB}#main-key", BOB, rsa_key().public_key()))
    return asyncio.run(authenticate(claim_of(signed_by(rsa_key(), f"{BOB}#main-key", unsigned_post(body)))))


def judged(body: bytes) -> Arrival | str:
    try:
        return _arrival(sent(body), "")
    except (ActivityMalformed, ActivityRefused, SignatureRefused) as refusal:
        return refusal.reason


@given(_ACTIVITIES | _VALUES)
def test_any_json_is_kept_or_refused_by_a_word(value: Any) -> None:
    verdict = judged(json.dumps(value).encode())
    if isinstance(verdict, Arrival):
        assert orjson.loads(verdict.sender.body)["actor"] in (BOB, [BOB]) or value["actor"]["id"] == BOB
        assert verdict.activity_id.startswith("https://remote.example/")
        assert verdict.host == "remote.example"
    else:
        assert verdict.replace("_", "").isalpha()


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_are_refused_by_a_word(body: bytes) -> None:
    verdict = judged(body)
    assert isinstance(verdict, str)
    assert verdict.replace("_", "").isalpha()


@given(
    st.dictionaries(st.sampled_from(["signature", "digest", "date", "signature-input"]), st.text(max_size=80))
)
def test_any_headers_are_refused_by_a_word(headers: dict[str, str]) -> None:
    bare = unsigned_post({})
    request = SignedRequest(
        bare.method, bare.target, bare.authority, (*bare.headers, *headers.items()), bare.body, bare.scheme
    )
    with pytest.raises(SignatureRefused) as refused:
        claim_of(request)
    assert refused.value.reason.replace("_", "").isalpha()


@given(st.text(max_size=30))
def test_only_an_inbox_is_taken_for_one(name: str) -> None:
    assert inbox_at(f"/users/{name}/inbox") == (name if name and "/" not in name else None)
    assert inbox_at(f"/users/{name}/inbox/") is None
    assert inbox_at(f"/{name}/users/bob/inbox") is None
    assert inbox_at("/inbox") == ""
