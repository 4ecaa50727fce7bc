"""Whatever an activity that was let in looks like: it has an effect, or a word for why not."""

import hashlib
import json
from itertools import count
from typing import Any

from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activitypub.fetching.errors import NotFound, Reason
from activitypub.inbox.context import Needs
from activitypub.inbox.handlers import HANDLERS
from activitypub.inbox.line import Job
from activitypub.models import LocalActor, Post, Received, RemoteActor
from activitypub.services import working
from activitypub.services.working import FAILED, Ended
from tests.activitypub.inbox.effects import neighbour
from tests.activitypub.living import post
from tests.activitypub.senders import STREAMS
from tests.activitypub.test_actors import actor_of
from tests.people import Person

BOB = "https://near.example/users/bob"
EVE = "https://near.example/users/eve"
FAR = "https://far.example/users/carol"
ALICE = "https://testserver.example/users/alice"
PUBLIC = f"{STREAMS}#Public"
_numbers = count(1)

# Stand for what a run makes.
OWN, PERSON, FOLLOWERS = "{own}", "{person}", "{person}/followers"

_ADDRESSES = st.sampled_from(
    [
        *(BOB, f"{BOB}/objects/1", f"{BOB}/objects/2", f"{BOB}/featured", f"{BOB}/followers", EVE),
        *(f"{EVE}/objects/1", FAR, f"{FAR}/objects/1", OWN, PERSON, FOLLOWERS, f"{OWN}#quote-request"),
        *(PUBLIC, "as:Public", "", "bob", "https://", f"{BOB}/{'x' * 1990}", f"{BOB}/é", f"{BOB}/\U0001f41f"),
    ]
)
_TIMES = st.sampled_from(
    [
        *(
            "2026-11-21T10:00:00Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "2026-11-21T10:00:00+23:59",
        ),
        *("0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "soon"),
    ]
)
_WORDS = st.sampled_from(
    ["🐟", "one", "two", "a b", "é" * 600, "x" * 3000, "<p>x<script>", "#tag", "@bob", "\x01"]
)
_NUMBERS = st.sampled_from([0, 1, -1, 2**31, 2**53 - 1, 1.5, True])
_LEAVES = st.none() | _ADDRESSES | _TIMES | _WORDS | _NUMBERS
_OBJECT_TYPES = st.sampled_from(
    [
        *("Note", "Article", "Question", "Page", "Video", "Event", "Image", "Person", "Group", "Tombstone"),
        *("Follow", "Like", "EmojiReact", "Announce", "Block", "Create", "Update", "Delete", "QuoteRequest"),
        *("QuoteAuthorization", "Collection", "Nothing"),
    ]
)
_TAG = st.fixed_dictionaries(
    {"type": st.sampled_from(["Mention", "Hashtag", "Emoji", "Link", "X"]) | _LEAVES},
    optional={
        "href": _LEAVES,
        "name": _LEAVES,
        "icon": st.fixed_dictionaries({}, optional={"url": _LEAVES, "mediaType": _LEAVES}) | _LEAVES,
        "rel": _LEAVES,
        "mediaType": _LEAVES,
    },
)
_OPTION = st.fixed_dictionaries(
    {}, optional={"type": _LEAVES, "name": _LEAVES, "replies": st.just({"totalItems": 2**53 - 1}) | _LEAVES}
)
_POLICY = st.just({"canQuote": {"automaticApproval": [PUBLIC], "manualApproval": FOLLOWERS}}) | (
    st.fixed_dictionaries(
        {},
        optional={
            way: st.fixed_dictionaries({}, optional={"automaticApproval": _LEAVES, "always": _LEAVES})
            | _LEAVES
            for way in ("canLike", "canReply", "canAnnounce", "canQuote")
        },
    )
)
_MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "attributedTo": _ADDRESSES | st.lists(_ADDRESSES, max_size=3) | _LEAVES,
    "to": _ADDRESSES | st.lists(_ADDRESSES, max_size=4),
    "cc": _ADDRESSES | st.lists(_ADDRESSES, max_size=4),
    "content": _LEAVES,
    "contentMap": st.dictionaries(_WORDS | st.just("en"), _LEAVES, max_size=2) | _LEAVES,
    "name": _LEAVES,
    "summary": _LEAVES,
    "sensitive": _LEAVES,
    "mediaType": _LEAVES,
    "language": _LEAVES,
    "inReplyTo": _LEAVES,
    "context": _LEAVES,
    "quote": _LEAVES,
    "quoteAuthorization": _LEAVES,
    "interactionPolicy": _POLICY | _LEAVES,
    "tag": st.lists(_TAG | _LEAVES, max_size=4) | _LEAVES,
    "attachment": st.lists(_TAG | _LEAVES, max_size=3) | _LEAVES,
    "url": st.lists(_TAG | _LEAVES, max_size=3) | _LEAVES,
    "published": _TIMES | _LEAVES,
    "updated": _TIMES | _LEAVES,
    "endTime": _TIMES | _LEAVES,
    "closed": _TIMES | _LEAVES,
    "votersCount": _LEAVES,
    "oneOf": st.lists(_OPTION, max_size=3) | _LEAVES,
    "anyOf": st.lists(_OPTION, max_size=3) | _LEAVES,
    "actor": _ADDRESSES | _LEAVES,
    "object": _ADDRESSES | _LEAVES,
    "instrument": _ADDRESSES | _LEAVES,
    "interactingObject": _ADDRESSES,
    "preferredUsername": _LEAVES,
    "inbox": _LEAVES,
    "outbox": _LEAVES,
    "featured": _LEAVES,
    "followers": _LEAVES,
    "endpoints": st.fixed_dictionaries({}, optional={"sharedInbox": _LEAVES}) | _LEAVES,
    "icon": _TAG | _LEAVES,
    "image": _TAG | _LEAVES,
    "alsoKnownAs": st.lists(_ADDRESSES, max_size=3) | _LEAVES,
    "movedTo": _LEAVES,
    "publicKey": st.fixed_dictionaries(
        {}, optional={"id": _LEAVES, "owner": _LEAVES, "publicKeyPem": _LEAVES}
    ),
}
_OBJECTS = st.fixed_dictionaries(
    {"type": _OBJECT_TYPES | _LEAVES}, optional={"id": _ADDRESSES | _LEAVES, **_MEMBERS}
)
# What would be taken, but for one thing or another.
_NEARLY = st.builds(
    lambda base, changed: {**base, **changed},
    st.sampled_from(
        [
            {
                "id": f"{BOB}/objects/1",
                "type": "Note",
                "attributedTo": BOB,
                "to": PUBLIC,
                "content": "one",
                "tag": [{"type": "Mention", "href": PERSON}],
            },
            {"id": f"{BOB}/objects/2", "type": "Question", "attributedTo": BOB, "to": [PUBLIC, PERSON]},
            {"id": f"{BOB}/objects/3", "type": "Note", "attributedTo": BOB, "inReplyTo": OWN, "name": "one"},
            {"id": BOB, "type": "Person", "preferredUsername": "bob", "inbox": f"{BOB}/inbox"},
        ]
    ),
    st.fixed_dictionaries({}, optional=_MEMBERS),
)
_AROUND: dict[str, st.SearchStrategy[Any]] = {
    "target": _ADDRESSES | _OBJECTS,
    "instrument": _ADDRESSES | _OBJECTS,
    "result": _ADDRESSES | _OBJECTS,
    "content": _LEAVES,
    "published": _TIMES | _LEAVES,
    "to": _MEMBERS["to"],
    "cc": _MEMBERS["cc"],
    "tag": _MEMBERS["tag"],
}
_PUBLISHED = st.fixed_dictionaries(
    {"type": st.sampled_from(["Create", "Update"]), "object": _NEARLY}, optional={"to": _AROUND["to"]}
)
_ANY = st.fixed_dictionaries(
    {
        "type": st.sampled_from(sorted(HANDLERS)),
        "object": _NEARLY | _OBJECTS | _ADDRESSES | st.lists(_ADDRESSES, max_size=3),
    },
    optional=_AROUND,
)


class _Undone(Exception):
    pass


def outcomes(actor: RemoteActor, said: list[dict[str, Any]], own: Post) -> list[str]:
    """What came of these, one after the other. Nothing else can be had, and nothing is left of it."""
    told = []
    try:
        with transaction.atomic():
            for one in said:
                whole = {"@context": STREAMS, "id": f"{BOB}/activities/{next(_numbers)}", "actor": BOB, **one}
                text = json.dumps(whole).replace(OWN, own.uri).replace(PERSON, own.author.uri)
                told.append(_outcome(actor, text.encode()))
            raise _Undone
    except _Undone:
        return told


def _outcome(actor: RemoteActor, body: bytes) -> str:
    now = timezone.now()
    digest = hashlib.sha256(body).digest()
    row = Received.objects.create(digest=digest, actor=actor.uri, body=body, received_at=now)
    fetched: dict[str, Any] = {}
    for _ in range(20):
        ended = working.work([Job(row.pk, actor.uri)], {row.pk: fetched}, now)[row.pk]
        if isinstance(ended, Needs):
            fetched[ended.uri] = NotFound(Reason.NOT_FOUND)
        elif ended is not Ended.UNFINISHED:
            break
    row.refresh_from_db()
    return row.outcome or FAILED


def test_no_activity_makes_a_handler_fail(person: Person) -> None:
    alice: LocalActor = actor_of(person)
    bob, _ = neighbour("bob"), neighbour("eve")
    poll = {
        "options": [{"name": "one", "votes": 0}, {"name": "two", "votes": 0}],
        "multiple": True,
        "end_time": "2999-01-01T00:00:00+00:00",
        "closed": None,
        "voters_count": 0,
    }
    own = post(alice, 1, "a quiet morning", type="Question", poll=poll)
    post(neighbour("carol", "far.example"), 1, "far away")

    @settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
    @given(st.lists(_PUBLISHED | _ANY, min_size=1, max_size=4))
    def holds(said: list[dict[str, Any]]) -> None:
        for outcome in outcomes(bob, said, own):
            assert outcome != FAILED

    holds()
