"""What came of attempts, written down: all that ended at about the same time in one transaction."""

import logging
import random
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from activitypub.delivery.jobs import Attempt
from activitypub.models import Actor, Delivery, Follow, Host, RemoteActor
from activitypub.protocol.retry import Outcome, delay
from activitypub.services import hosts, leaving
from activitypub.services.dropping import drop, forget_unneeded
from activitypub.turns import turn

log = logging.getLogger("activitypub.delivery")

# Several actors have one inbox on few servers.
_ASKED_AT_ONCE = 20


def settle(attempts: Sequence[Attempt], now: datetime) -> None:
    """Write down what came of these attempts. Twice does no harm but to count a failure twice."""
    with turn(), transaction.atomic():
        ended = [attempt for attempt in attempts if attempt.outcome is not Outcome.RETRY]
        ended += _put_off([attempt for attempt in attempts if attempt.outcome is Outcome.RETRY], now)
        Delivery.objects.filter(pk__in=[attempt.job.id for attempt in ended]).delete()
        for inbox, host in {(one.job.inbox, one.job.host) for one in ended if one.outcome is Outcome.GONE}:
            _prune(inbox, host, now)
        _remember(attempts, now)
        forget_unneeded({one.job.activity.id for one in ended if not one.job.activity.public})


def _put_off(attempts: Iterable[Attempt], now: datetime) -> list[Attempt]:
    """Have them tried later; return those that were tried for the last time."""
    given_up = []
    for attempt in attempts:
        job, made = attempt.job, attempt.job.attempts + 1
        wait = delay(made, random.random(), attempt.retry_after)  # noqa: S311 - it spreads, it hides nothing
        if wait is None:
            given_up.append(attempt)
            log.info("a delivery is given up", extra={"fields": {"host": job.host, "word": attempt.word}})
            continue
        Delivery.objects.filter(pk=job.id).update(
            attempts=made, due_at=now + wait, claimed_until=None, last_error=attempt.word
        )
        if attempt.retry_after is not None:
            # What waits for the same inbox would be refused as well, and what is held in memory is given
            # back. What is under way has its own answer.
            until = now + attempt.retry_after
            Delivery.objects.filter(host=job.host, due_at__lt=until, inbox=job.inbox).update(due_at=until)
    return given_up


def _prune(inbox: str, host: str, now: datetime) -> None:
    """An inbox is gone, by its own host's word: nobody behind it follows anybody here any more. Whether they
    are gone themselves they are asked."""
    drop(Delivery.objects.filter(host=host, inbox=inbox))
    behind = Q(shared_inbox=inbox) | Q(shared_inbox="", inbox=inbox)
    Follow.objects.filter(follower__in=Actor.objects.filter(behind, host=host)).delete()
    for actor in RemoteActor.objects.filter(inbox=inbox, host=host)[:_ASKED_AT_ONCE]:
        leaving.suspect(actor.uri, now)


def _remember(attempts: Sequence[Attempt], now: datetime) -> None:
    """What the attempts say of their hosts. Where all is well and nothing new, nothing is written."""
    names = {one.job.host for one in attempts}
    known = {host.name for host in Host.objects.filter(name__in=names) if host.failed_days or host.breakers}
    told = {
        one.job.host
        for one in attempts
        if one.outcome is Outcome.RETRY or (one.scheme is not None and one.scheme is not one.job.scheme)
    }
    if not known | told:
        return
    rows = hosts.rows(known | told)
    for attempt in attempts:
        host = rows.get(attempt.job.host)
        if host is not None:
            _count(attempt, host, now)
    for host in rows.values():
        host.save()


def _count(attempt: Attempt, host: Host, now: datetime) -> None:
    inbox = attempt.job.inbox
    if attempt.outcome is Outcome.RETRY:
        hosts.keep_breaker(host, inbox, hosts.breaker_of(host, inbox).failed(now))
        hosts.keep_standing(host, hosts.standing_of(host).failed(now.date()))
        return
    hosts.keep_breaker(host, inbox, hosts.breaker_of(host, inbox).succeeded())
    hosts.keep_standing(host, hosts.standing_of(host).heard())
    if attempt.scheme is not None:
        host.scheme = attempt.scheme
