"""Deliveries, hosts and inboxes that are given up: after so many attempts, so many days, or by a 410."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from activitypub.delivery.jobs import Attempt, Job
from activitypub.models import Delivery, Errand, Follow, Host, LocalActor, RemoteActor, Sent
from activitypub.protocol.retry import FAILURES_TO_OPEN, MAX_ATTEMPTS, Breaker, Outcome, State
from activitypub.queries.hosts import shut_among
from activitypub.services import hosts, outcomes
from activitypub.services.claims import Claims
from tests.activitypub.delivery.conftest import publish, reader


def claimed() -> list[Job]:
    return list(Claims().take(9, timezone.now(), room=lambda host: 9).jobs)


def tried(attempts: int) -> None:
    Delivery.objects.update(attempts=attempts, due_at=timezone.now())


@pytest.mark.parametrize("asks", [None, timedelta(hours=1)])
def test_the_sixteenth_attempt_that_fails_is_the_last(sender: LocalActor, asks: timedelta | None) -> None:
    publish(sender, reader("down.example"), public=False)
    for attempts in (MAX_ATTEMPTS - 2, MAX_ATTEMPTS - 1):
        assert Delivery.objects.count() == Sent.objects.count() == 1
        tried(attempts)
        [job] = claimed()
        outcomes.settle([Attempt(job, Outcome.RETRY, "http_503", asks)], timezone.now())
    assert not Delivery.objects.exists()
    assert not Sent.objects.exists(), "nobody is to get it, and no outbox shows it"


def test_what_a_breaker_stops_for_the_sixteenth_time_is_given_up_too(sender: LocalActor) -> None:
    somebody = reader("down.example")
    publish(sender, somebody, public=False)
    opened = Host(name="down.example")
    hosts.keep_breaker(opened, somebody.inbox, Breaker(State.OPEN, FAILURES_TO_OPEN, timezone.now()))
    opened.save()
    for attempts in (MAX_ATTEMPTS - 2, MAX_ATTEMPTS - 1):
        assert Delivery.objects.count() == Sent.objects.count() == 1
        tried(attempts)
        assert claimed() == []
    assert not Delivery.objects.exists()
    assert not Sent.objects.exists()


def failed(now: datetime) -> None:
    """An attempt at what was just written down, on that day."""
    Delivery.objects.update(due_at=now, attempts=0)
    [job] = Claims().take(1, now, room=lambda host: 9).jobs
    outcomes.settle([Attempt(job, Outcome.RETRY, "timeout")], now)


def test_a_host_is_left_alone_after_failing_on_seven_days_and_not_seven_times(sender: LocalActor) -> None:
    somebody, now = reader("down.example"), timezone.now()
    publish(sender, somebody)
    for day in range(6):
        failed(now + timedelta(days=day))
        failed(now + timedelta(days=day, minutes=2))
    assert shut_among(["down.example"]) == set()
    failed(now + timedelta(days=6))
    assert shut_among(["down.example"]) == {"down.example"}
    Delivery.objects.update(due_at=now)
    assert claimed() == []
    assert not Delivery.objects.exists(), "what waited is dropped"
    publish(sender, somebody)
    assert not Delivery.objects.exists(), "and nothing more is written down"


def test_any_answer_ends_the_count_of_days(sender: LocalActor) -> None:
    now = timezone.now()
    publish(sender, reader("ill.example"))
    for day in range(6):
        failed(now + timedelta(days=day))
    Delivery.objects.update(due_at=now)
    [job] = claimed()
    outcomes.settle([Attempt(job, Outcome.STOP, "http_404")], now)
    host = Host.objects.get()
    assert (host.failed_days, host.breakers) == ([], {})


def test_a_shared_inbox_that_is_gone_ends_the_follows_behind_it_and_no_others(sender: LocalActor) -> None:
    publish(sender, reader("gone.example", shared=True), public=False)
    for _ in range(2):
        reader("gone.example", shared=True, follows=sender)
    stay = {
        reader("gone.example", follows=sender).uri,
        reader("other.example", shared=True, follows=sender).uri,
    }
    [job] = claimed()
    assert job.inbox == "http://gone.example/inbox"
    publish(sender, followers=True)
    outcomes.settle([Attempt(job, Outcome.GONE, "http_410")], timezone.now())
    assert {follow.follower.uri for follow in Follow.objects.all()} == stay
    assert Delivery.objects.filter(inbox=job.inbox).count() == 0
    assert Delivery.objects.count() == 2
    assert not Errand.objects.exists(), "of the people it says nothing"


def test_whose_own_inbox_is_gone_is_suspected_to_be_gone_and_stays(sender: LocalActor) -> None:
    gone = reader("one.example", follows=sender)
    publish(sender, gone)
    [job] = claimed()
    outcomes.settle([Attempt(job, Outcome.GONE, "http_410")], timezone.now())
    assert not Follow.objects.exists()
    assert Errand.objects.get().actor_id == RemoteActor.objects.get(uri=gone.uri).pk
