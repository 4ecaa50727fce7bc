"""Whatever a client posts, the answer is an activity or a refusal, and what was refused changed nothing."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import throttle
from activitypub.outbox.verbs import VERBS
from activitypub.rendering import PUBLIC
from tests.activitypub.test_actors import remote, uri_of
from tests.activitypub.test_outbox import note, post_of, submit
from tests.people import Answer, Person

KINDS = [*sorted(VERBS), "Note", "Article", "Question", "Tombstone", "Person"]


MEMBERS = (
    "id", "type", "name", "inReplyTo", "tag", "attachment", "source", "oneOf", "anyOf", "summary", "quote",
    "actor", "alsoKnownAs", "movedTo", "url", "interactionPolicy", "instrument", "contentMap", "mediaType",
)  # fmt: skip


def shapes(names: Sequence[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Activities about these names, and about what is none. Nobody is asked but at a port of this machine."""
    uris = st.sampled_from([*names, PUBLIC, "https://127.0.0.1:9/", "https://127.0.0.1:9/x"])
    texts = st.sampled_from(["", "x", "🎉", "*a* #b @c", "<p>d</p>", "text/plain", "2100-01-01T00:00:00Z"])
    kinds = st.sampled_from(KINDS)
    plain = st.none() | st.booleans() | st.integers(-9, 2**63 - 1) | texts | uris
    inner = st.deferred(lambda: plain | st.lists(plain, max_size=3) | things)
    things = st.fixed_dictionaries(
        {"type": kinds},
        optional={
            "object": uris | inner,
            "target": uris | inner,
            "to": uris | st.lists(uris, max_size=2),
            "cc": uris | inner,
            "content": texts | inner,
            "endTime": texts,
            **{name: inner for name in MEMBERS if name != "type"},
        },
    )
    likely = st.fixed_dictionaries(
        {"type": kinds, "object": uris | things},
        optional={"target": uris, "content": texts, "to": uris, "endTime": texts},
    )
    return likely | things


@pytest.fixture
def alice(person: Person, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Somebody who may do as much as she likes."""
    for name in ("ACTIVITIES", "POSTS", "REPORTS"):
        monkeypatch.setattr(throttle, name, throttle.Limit(name, 10**6, 10**4))
    return person


def test_no_shape_makes_the_outbox_fail(alice: Person) -> None:
    bob = remote()
    hers = submit(alice, note()).expect(201).json["object"]["id"]
    collections = [f"{uri_of(alice)}/{name}" for name in ("followers", "featured", "bookmarks")]
    names = [uri_of(alice), bob.uri, post_of(bob).uri, hers, "https://remote.example/", *collections]
    seen: set[int] = set()

    @given(shapes(names))
    @settings(max_examples=50, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def submitted(body: dict[str, Any]) -> None:
        answer: Answer = submit(alice, body)
        seen.add(answer.status)
        assert answer.status in (201, 400, 403, 404, 422), (body, answer)
        if answer.status == 201:
            assert answer.json["id"] == answer.headers["location"]
        else:
            assert answer.code

    submitted()
    assert {201, 404, 422} <= seen
