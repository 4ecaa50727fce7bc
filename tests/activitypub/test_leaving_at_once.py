"""Somebody of another server is erased, and at the same moment more comes that they have sent."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, connections
from django.utils import timezone

from activitypub.fetching.errors import Gone, Reason
from activitypub.inbox.context import Needs
from activitypub.inbox.line import Job
from activitypub.models import Actor, Deleted, Errand, ErrandKind, Received, RemoteActor
from activitypub.services import errands, leaving, posts, working
from tests.activitypub.coming_due import do_due
from tests.activitypub.inbox.effects import activity, neighbour, received

pytestmark = pytest.mark.usefixtures("transactional_db")
of_two = pytest.mark.skipif(not settings.CLUSTER, reason="on SQLite one writes at a time")


@pytest.fixture
def bob(transactional_db: None) -> RemoteActor:
    bob = neighbour("bob")
    errands.put(ErrandKind.ACTOR_GONE, actor=bob, due_at=timezone.now())
    return bob


def erase(bob: RemoteActor) -> None:
    do_due(timezone.now() + timedelta(seconds=1), {bob.uri: Gone(Reason.GONE)})


@contextmanager
def just_before(statement: str, call: Callable[[], object]) -> Iterator[list[Exception]]:
    """Do something once, on a connection of its own and to its end, before the first such statement is
    begun here; what went wrong."""
    faults: list[Exception] = []
    left = [call]

    def run(call: Callable[[], object]) -> None:
        try:
            call()
        except Exception as error:
            faults.append(error)
        finally:
            connections.close_all()

    def before(execute: Any, sql: str, *how: Any) -> Any:
        if left and sql.startswith(statement):
            thread = threading.Thread(target=run, args=[left.pop()])
            thread.start()
            thread.join(30)
            assert not thread.is_alive()
        return execute(sql, *how)

    with connection.execute_wrapper(before):
        yield faults
    assert not left


@of_two
def test_what_an_actor_ends_while_it_is_erased_goes_with_it_and_is_no_fault(
    bob: RemoteActor, caplog: pytest.LogCaptureFixture
) -> None:
    late = f"{bob.uri}/objects/never-here"
    with just_before('DELETE FROM "activitypub_actor"', lambda: posts.forget(late, by=bob)) as faults:
        erase(bob)
    assert faults == []
    assert not Actor.objects.exists()
    assert not Deleted.objects.exists()
    assert not Errand.objects.exists()
    assert caplog.records == []


@of_two
def test_a_delete_that_is_worked_through_while_its_actor_goes_needs_the_actor_and_is_no_fault(
    bob: RemoteActor, caplog: pytest.LogCaptureFixture
) -> None:
    row = received(bob, activity(bob, "Delete", object=f"{bob.uri}/objects/never-here"))
    with just_before('INSERT INTO "activitypub_deleted"', lambda: erase(bob)) as faults:
        ended = working.work([Job(row.pk, bob.uri)], {}, timezone.now())[row.pk]
    assert faults == []
    assert isinstance(ended, Needs)
    assert not Deleted.objects.exists()
    assert Received.objects.get().attempts == 0
    assert caplog.records == []


@pytest.mark.parametrize("times", [1, 2])
def test_what_clashes_is_done_once_more_and_no_oftener(
    bob: RemoteActor, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    whole, left = leaving.erase_some, [IntegrityError] * times

    def clashes(actor: Actor) -> bool:
        if left:
            raise left.pop()
        return whole(actor)

    monkeypatch.setattr(leaving, "erase_some", clashes)
    if times == 1:
        erase(bob)
    else:
        with pytest.raises(IntegrityError):
            erase(bob)
    assert Actor.objects.exists() is (times == 2)
    assert Errand.objects.exists() is (times == 2)
