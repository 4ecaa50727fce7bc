"""Whatever a document says, it is something or refused by a word that is declared."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activitypub.protocol import authority
from activitypub.protocol.documents import keys, vocabulary
from activitypub.protocol.documents.activities import Activity
from activitypub.protocol.documents.parsing import parse
from activitypub.protocol.documents.reading import read
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument
from activitypub.protocol.webfinger import descriptor
from tests.activitypub.protocol.documents.telling import told

_URIS = ["https://a.example/1", "https://a.example/2", "http://b.example/x#y", "as:Public", "urn:x"]
_NAMES = [
    "@context", "id", "type", "actor", "object", "target", "to", "cc", "audience", "attributedTo", "name",
    "content", "contentMap", "summary", "summaryMap", "published", "endTime", "duration", "url", "href",
    "mediaType", "rel", "tag", "icon", "image", "attachment", "inReplyTo", "quote", "quoteUrl",
    "oneOf", "anyOf",
    "closed", "replies", "totalItems", "items", "orderedItems", "first", "next", "inbox", "endpoints",
    "sharedInbox", "preferredUsername", "publicKey", "owner", "publicKeyPem", "assertionMethod", "controller",
    "publicKeyMultibase", "alsoKnownAs", "movedTo", "focalPoint", "language", "identifier", "width",
    "subject",
    "links", "aliases", "template", "instrument", "sensitive", "votersCount",
]  # fmt: skip
_TYPES = sorted(
    vocabulary.ACTIVITIES | vocabulary.ACTORS | vocabulary.POSTS | vocabulary.COLLECTIONS
    | {"Tombstone", "Mention", "Hashtag", "Emoji", "Link", "Document", "PropertyValue", "Multikey", "X"}
)  # fmt: skip

_leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(_URIS + _TYPES + ["2020-01-01T00:00:00Z", "self", "application/activity+json", "{uri}"])
)
_values: st.SearchStrategy[Any] = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(_NAMES) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=25,
)
_documents = st.builds(
    lambda rest, base: rest | base,
    st.dictionaries(st.sampled_from(_NAMES), _values, max_size=12),
    st.fixed_dictionaries(
        {"type": st.sampled_from(_TYPES) | _values},
        optional={
            name: st.sampled_from(_URIS) | _values for name in ("id", "actor", "object", "inbox", "target")
        }
        | {"preferredUsername": st.text(max_size=4)},
    ),
)


@given(_documents)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_document_is_something_or_refused(document: dict[str, Any]) -> None:
    try:
        parsed = parse(document)
    except RefusedDocument:
        return
    assert parsed.raw is document
    assert told(parsed)
    if isinstance(parsed, Activity):
        assert isinstance(authority.brought(parsed), authority.Believe | authority.Fetch | authority.Refuse)
        reason = authority.against(parsed, parsed.actor)
        assert reason is None or reason in authority.Reason


@given(_documents)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_document_is_a_key_or_none_and_a_descriptor(document: dict[str, Any]) -> None:
    key = keys.key_document(document)
    assert key is None or (key.id and key.owner and key.pem)
    assert isinstance(descriptor(document).aliases, tuple)


_iris = st.sampled_from(["as:actor", "as", "as:", "actor", "@id", "id", "a", "b", "a:b", "b:actor", "x:y"])
_contexts: st.SearchStrategy[Any] = st.recursive(
    _iris | st.none() | st.integers(0, 3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            _iris | st.sampled_from(["@context", "@reverse", "@language", "@vocab", "to"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(_contexts, _documents)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_context_is_taken_or_refused(context: Any, document: dict[str, Any]) -> None:
    body = json.dumps(document | {"@context": context}).encode()
    try:
        assert read(body)["@context"] == context
    except RefusedDocument as error:
        assert error.refusal in Refusal
