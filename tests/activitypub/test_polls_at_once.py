"""Votes, counts that are told and deletions, all at the same moment.

What two do at once is done on PostgreSQL; on SQLite whoever writes is alone.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from activitypub.errors import PollRefusesVote, UnknownPost
from activitypub.models import Errand, Notification, Post, Sent, Vote
from activitypub.services import editing, errands, polls
from tests.activitypub.coming_due import after, do_due
from tests.activitypub.inbox.effects import neighbour
from tests.activitypub.test_actors import actor_of
from tests.activitypub.test_outbox import made
from tests.activitypub.test_outbox_polls_and_pins import question
from tests.people import DjangoWire, Person

pytestmark = [
    pytest.mark.usefixtures("transactional_db"),
    pytest.mark.skipif(not settings.CLUSTER, reason="on SQLite one writes at a time"),
]
VOTERS = 6


@pytest.fixture
def author(transactional_db: None) -> Iterator[Person]:
    person = Person(DjangoWire())
    person.register().expect(201)
    yield person
    connections.close_all()


@pytest.fixture
def post(author: Person) -> Post:
    uri = made(author, question())["object"]["id"]
    Sent.objects.all().delete()
    return Post.objects.get(uri=uri)


def at_once(*calls: Callable[[], object]) -> list[Exception]:
    """Do all of it at the same moment, each on a connection of its own; what went wrong."""
    ready, faults = threading.Barrier(len(calls)), list[Exception]()

    def run(call: Callable[[], object]) -> None:
        try:
            ready.wait(30)
            call()
        except Exception as error:
            faults.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return faults


def voting(post: Post, number: int, name: str = "tea") -> Callable[[], None]:
    voter = neighbour(f"voter{number}", f"host{number}.example")
    return lambda: polls.take_vote(voter, post, name, f"{voter.uri}/votes/1", timezone.now())


def told() -> list[dict[str, Any]]:
    return [orjson.loads(bytes(sent.body))["object"] for sent in Sent.objects.order_by("pk")]


def test_no_vote_is_lost_and_the_last_that_is_told_is_how_it_stands(post: Post) -> None:
    voting(post, 99)()
    telling = [lambda: do_due(after(minutes=4)) for _ in range(2)]
    assert at_once(*(voting(post, number) for number in range(VOTERS)), *telling) == []
    do_due(after(hours=1))
    post.refresh_from_db()
    assert post.poll is not None
    assert (post.poll["options"][0]["votes"], post.poll["voters_count"]) == (VOTERS + 1, VOTERS + 1)
    last = told()[-1]
    assert (last["oneOf"][0]["replies"]["totalItems"], last["votersCount"]) == (VOTERS + 1, VOTERS + 1)
    assert list(Errand.objects.values_list("kind", flat=True)) == ["poll_ended"]


def test_one_who_votes_twice_at_the_same_moment_has_one_vote(post: Post) -> None:
    voter = neighbour("bob")
    votes = [
        lambda name=name: polls.take_vote(voter, post, name, f"{voter.uri}/{name}", timezone.now())
        for name in ("tea", "coffee", "tea", "coffee")
    ]
    faults = at_once(*votes)
    assert [type(fault) for fault in faults] == [PollRefusesVote] * 3
    assert Vote.objects.count() == 1


def test_two_who_end_a_poll_tell_it_once(author: Person, post: Post) -> None:
    voting(post, 1)()
    now, ending = after(days=2), Errand.objects.get(kind="poll_ended")
    assert at_once(*[lambda: errands.do(ending, polls.end, None, now)] * 2) == []
    assert [document["closed"] for document in told()] == [told()[0]["closed"]]
    assert Notification.objects.filter(recipient=actor_of(author), type="poll").count() == 1


def test_a_poll_that_is_deleted_just_then_is_told_before_or_never(author: Person, post: Post) -> None:
    voting(post, 1)()
    [errand] = errands.take(10, after(minutes=4))
    actor = actor_of(author)
    faults = at_once(
        lambda: errands.do(errand, polls.tell, None, after(minutes=4)),
        lambda: editing.delete_post(actor, post),
        voting(post, 2),
    )
    assert [type(fault) for fault in faults] in ([], [UnknownPost])
    assert not Post.objects.exists()
    assert not Errand.objects.exists()
    assert [sent.type for sent in Sent.objects.order_by("pk")] == ["Delete"]
