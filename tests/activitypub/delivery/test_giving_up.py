"""After the last attempt a delivery is given up, whoever stopped it, and leaves nothing behind."""

from datetime import timedelta

import pytest
from django.utils import timezone

from activitypub.delivery.jobs import Attempt, Job
from activitypub.models import Delivery, Host, LocalActor, Sent
from activitypub.protocol.retry import FAILURES_TO_OPEN, MAX_ATTEMPTS, Breaker, Outcome, State
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
