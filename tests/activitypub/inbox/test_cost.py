"""Working through an activity costs the same however much is stored."""

import hashlib
import json

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from activitypub.inbox.line import Job
from activitypub.models import Block, Deleted, LocalActor, Post, Received, RemoteActor
from activitypub.queries.prepared import Among, Exists
from activitypub.services import working
from activitypub.services.working import Ended
from tests.activitypub.plans import scans

STREAMS = "https://www.w3.org/ns/activitystreams"
PUBLIC = f"{STREAMS}#Public"
BOB = "https://peer.example/users/bob"
ALICE = "https://here.example/users/alice"


@pytest.fixture
def bob(db: None) -> RemoteActor:
    return RemoteActor.objects.create(uri=BOB, host="peer.example", username="bob", inbox=f"{BOB}/inbox")


@pytest.fixture
def alice(db: None) -> LocalActor:
    return LocalActor.objects.create(uri=ALICE, username="alice", inbox=f"{ALICE}/inbox")


def arrived(number: int) -> Job:
    """A Create of a reply that names somebody here."""
    note = {
        "id": f"{BOB}/notes/{number}",
        "type": "Note",
        "attributedTo": BOB,
        "to": [PUBLIC],
        "cc": [ALICE],
        "inReplyTo": f"{BOB}/notes/{number - 1}",
        "content": "<p>hello</p>",
        "tag": [{"type": "Mention", "href": ALICE}, {"type": "Hashtag", "name": "#Greeting"}],
    }
    name = f"{BOB}/a/{number}"
    create = {"id": name, "type": "Create", "actor": BOB, "object": note}
    row = Received.objects.create(
        digest=hashlib.sha256(name.encode()).digest(),
        actor=BOB,
        body=json.dumps(create).encode(),
        received_at=timezone.now(),
    )
    return Job(row.pk, BOB)


def work(job: Job) -> CaptureQueriesContext:
    with CaptureQueriesContext(connection) as captured:
        ended = working.work([job], {}, timezone.now())
    assert ended == {job.id: Ended.DONE}
    return captured


def said(captured: CaptureQueriesContext) -> list[str]:
    return [query["sql"] for query in captured.captured_queries]


def test_a_create_asks_as_often_at_a_thousand_posts_as_at_none(bob: RemoteActor, alice: LocalActor) -> None:
    work(arrived(1))
    before = len(work(arrived(2)))
    Post.objects.bulk_create(
        Post(uri=f"{BOB}/old/{n}", author=bob, visibility="public", published=timezone.now())
        for n in range(1000)
    )
    assert len(work(arrived(3))) == before
    # One is PostgreSQL's alone, for the lock by which one process at a time works.
    assert before <= (25 if connection.vendor == "postgresql" else 24)


@pytest.mark.skipif(settings.CLUSTER, reason="PostgreSQL plans by how many rows there are: here few")
def test_nothing_is_found_by_going_through_a_whole_table(bob: RemoteActor, alice: LocalActor) -> None:
    work(arrived(1))
    assert scans(said(work(arrived(2)))) == []
    with CaptureQueriesContext(connection) as captured:
        working.fresh(0, 10)
        working.due(timezone.now(), 10)
    assert len(captured) == 2
    assert scans(said(captured)) == []


def test_a_question_that_was_prepared_answers_for_each_argument(bob: RemoteActor, alice: LocalActor) -> None:
    blocks = Exists(lambda who, whom: Block.objects.filter(actor=who, target=whom))
    assert not blocks(alice.pk, bob.pk)
    Block.objects.create(actor=alice, target=bob)
    assert blocks(alice.pk, bob.pk)
    assert not blocks(bob.pk, alice.pk)
    ended = Exists(lambda uri: Deleted.objects.filter(uri=uri, by=None))
    Deleted.objects.create(uri="https://peer.example/1%s' OR 1=1")
    assert ended("https://peer.example/1%s' OR 1=1")
    assert not ended("https://peer.example/2' OR 1=1 --")


def test_a_question_that_loses_an_argument_is_not_asked(bob: RemoteActor) -> None:
    half = Exists(lambda who, whom: Block.objects.filter(actor=who))
    with pytest.raises(TypeError):
        half(bob.pk, bob.pk)


@pytest.mark.parametrize("names", [1, 2, 3, 600])
def test_a_question_about_texts_that_was_prepared_answers_for_each_number_of_them(
    names: int, bob: RemoteActor
) -> None:
    known = Among(lambda uris: RemoteActor.objects.filter(uri__in=uris).values_list("uri", flat=True))
    others = [f"https://peer.example/%s' OR 1=1 --{number}" for number in range(names)]
    assert known(others) == set()
    assert known([*others, bob.uri]) == {bob.uri}
    assert known([]) == set()


def test_a_question_that_loses_a_text_is_not_asked(bob: RemoteActor) -> None:
    half = Among(lambda uris: RemoteActor.objects.filter(uri__in=uris[:1]).values_list("uri", flat=True))
    with pytest.raises(TypeError):
        half([bob.uri, ALICE])
