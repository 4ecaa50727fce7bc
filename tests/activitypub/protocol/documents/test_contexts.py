"""A context may add words. It may not change or double ours."""

import json
from typing import Any

import pytest

from activitypub.protocol.documents import contexts
from activitypub.protocol.documents.contexts import MAX_DEFINITIONS
from activitypub.protocol.documents.reading import read
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument

AS = "https://www.w3.org/ns/activitystreams"


def refusal(document: dict[str, Any]) -> Refusal | None:
    try:
        read(json.dumps(document).encode())
    except RefusedDocument as error:
        return error.refusal
    return None


def with_context(*parts: Any) -> dict[str, Any]:
    return {"@context": [AS, *parts], "id": "https://a.example/1", "type": "Note"}


@pytest.mark.parametrize(
    "context",
    [
        {"actor": "as:object"},
        {"actor": {"@id": "as:attributedTo", "@type": "@id"}},
        {"actor": f"{AS}#object"},
        {"actor": "https://elsewhere.example/ns#actor"},
        {"actor": None},
        {"actor": {"@id": None}},
        {"actor": 1},
        {"actor": {"@reverse": "as:actor"}},
        {"id": "@type"},
        {"id": "https://elsewhere.example/id"},
        {"type": "as:summary"},
        {"content": "as:summary"},
        {"contentMap": "as:name"},
        {"to": "as:bto"},
        {"Like": "as:Delete"},
        {"Public": "https://elsewhere.example/everybody"},
        {"publicKeyPem": "toot:key"},
        {"owner": "sec:controller"},
        {"inbox": "as:outbox"},
        {"as": "https://elsewhere.example/ns#"},
        {"as": None},
        {"sec": "https://elsewhere.example/ns#"},
        {"x": "https://www.w3.org/ns/", "to": "x:activitystreams#cc"},
    ],
)
def test_a_context_that_gives_one_of_our_words_another_meaning_is_refused(context: dict[str, Any]) -> None:
    assert refusal(with_context(context)) is Refusal.CONTEXT_REDEFINES


@pytest.mark.parametrize(
    "context",
    [
        {"doer": "as:actor"},
        {"doer": f"{AS}#actor"},
        {"doer": "actor"},
        {"doer": {"@id": "as:actor", "@type": "@id"}},
        {"x": "as", "doer": "x:actor"},
        {"x": "as:", "doer": "x:actor"},
        {"x": f"{AS}#", "doer": "x:actor"},
        {"x": "https://www.w3.org/ns/activity", "doer": "x:streams#actor"},
        {"x": "actor", "doer": "x"},
        {"uri": "@id"},
        {"uri": "id"},
        {"kind": "@type"},
        {"author": "as:attributedTo"},
        {"key": "https://w3id.org/security#publicKey"},
        {"does": {"@reverse": "as:actor"}},
        {"a": "b", "b": "a"},
        {"a": "b:x", "b": "c:x", "c": "d:x", "d": "e:x", "e": "f:x", "f": "g:x", "g": "https://x.example/"},
    ],
)
def test_a_context_that_gives_a_word_of_ours_a_second_name_is_refused(context: dict[str, Any]) -> None:
    assert refusal(with_context(context)) is Refusal.CONTEXT_ALIAS


def test_a_prefix_is_what_it_was_when_it_was_used() -> None:
    parts = [{"x": "https://elsewhere.example/"}, {"to": "x:to"}, {"x": f"{AS}#"}]
    assert refusal(with_context(*parts)) is Refusal.CONTEXT_REDEFINES


@pytest.mark.parametrize("place", ["object", "tag", "scoped", "scoped twice"])
def test_a_context_is_looked_at_wherever_it_stands(place: str) -> None:
    forged = {"@context": {"attributedTo": "as:name"}, "id": "https://a.example/2"}
    documents = {
        "object": with_context() | {"object": forged},
        "tag": with_context() | {"tag": [[], [forged]]},
        "scoped": with_context({"mine": {"@id": "https://x.example/", **forged}}),
        "scoped twice": with_context({"m": {"@context": {"n": {"@context": {"actor": "as:to"}}}}}),
    }
    assert refusal(documents[place]) is Refusal.CONTEXT_REDEFINES


@pytest.mark.parametrize(
    "context",
    [
        {"toot": "http://joinmastodon.org/ns#", "featured": {"@id": "toot:featured", "@type": "@id"}},
        {"actor": "as:actor", "to": {"@id": f"{AS}#to", "@type": "@id"}},
        {"actor": {"@type": "@id"}},
        {"streams": f"{AS}#", "content": "streams:content"},
        {"contentMap": {"@id": "as:content", "@container": "@language"}},
        {"id": "@id", "type": "@type"},
        {"security": "https://w3id.org/security#", "publicKey": "security:publicKey"},
        {"as": f"{AS}#"},
        {"@language": "de"},
        {"@vocab": "https://x.example/"},
        {"discoverable": "toot:discoverable"},
        {"sensitive": "as:sensitive", "Hashtag": "as:Hashtag"},
        {},
        None,
        "https://x.example/context.json",
        [["no context at all"]],
    ],
)
def test_a_context_that_adds_words_or_says_ours_again_is_taken(context: Any) -> None:
    assert refusal(with_context(context)) is None


@pytest.mark.parametrize("name", ["@graph", "@reverse", "@included", "@nest"])
def test_a_document_that_speaks_of_others_by_json_lds_own_words_is_refused(name: str) -> None:
    assert refusal(with_context() | {name: {"actor": {}}}) is Refusal.KEYWORD
    assert refusal(with_context() | {"object": [{name: []}]}) is Refusal.KEYWORD


@pytest.mark.parametrize("name", ["id", "type"])
def test_a_document_that_says_who_or_what_it_is_in_two_ways_is_refused(name: str) -> None:
    assert refusal(with_context() | {f"@{name}": "https://b.example/"}) is Refusal.KEYWORD


def test_a_context_of_too_many_definitions_is_refused_all_its_parts_together() -> None:
    def part(start: int, size: int) -> dict[str, str]:
        return {f"t{number}": "https://x.example/" for number in range(start, start + size)}

    assert refusal(with_context(part(0, MAX_DEFINITIONS))) is None
    half = MAX_DEFINITIONS // 2
    assert refusal(with_context(part(0, half), part(half, half + 1))) is Refusal.TOO_MANY_VALUES


@pytest.mark.parametrize(
    ("context", "language"),
    [
        ({"@language": "de"}, "de"),
        ([AS, {"@language": "de"}, {"@language": "fr"}], "fr"),
        ([{"@language": "de"}, {"@language": None}], None),
        ([{"@language": "de"}, {"x": "y"}], "de"),
        (AS, None),
        (None, None),
    ],
)
def test_the_last_context_with_a_language_gives_it(context: Any, language: str | None) -> None:
    assert contexts.language_of({"@context": context}) == language
