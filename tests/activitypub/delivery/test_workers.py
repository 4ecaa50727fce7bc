"""Several workers, one that ends, and faults of our own."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async as in_thread
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from activitypub.delivery.jobs import Attempt
from activitypub.delivery.working import Worker
from activitypub.models import Delivery, LocalActor, Sent
from activitypub.services import hosts, outcomes
from activitypub.services.claims import LEASE, Claimed, Claims, release_all
from tests.activitypub.delivery.conftest import Progress, Working, publish, reader
from tests.activitypub.delivery.inboxes import Inboxes, Reply

# --- Two workers -----------------------------------------------------------------------------------


def test_what_one_worker_has_claimed_no_other_takes_until_its_time_is_over(sender: LocalActor) -> None:
    publish(sender, *(reader(f"host{number}.example") for number in range(5)))
    now = timezone.now()
    first = Claims().take(3, now, room=lambda host: 9)
    second = Claims().take(9, now, room=lambda host: 9)
    assert len(first.jobs) == 3
    assert len(second.jobs) == 2
    assert not {job.id for job in first.jobs} & {job.id for job in second.jobs}
    assert Claims().take(9, now, room=lambda host: 9).jobs == []
    assert len(Claims().take(9, now + LEASE, room=lambda host: 9).jobs) == 5


def test_a_paused_host_keeps_what_it_is_owed(sender: LocalActor) -> None:
    publish(sender, reader("one.example"), reader("two.example"))
    hosts.pause("one.example")
    [job] = Claims().take(9, timezone.now(), room=lambda host: 9).jobs
    assert job.host == "two.example"
    hosts.resume("one.example")
    [job] = Claims().take(9, timezone.now(), room=lambda host: 9).jobs
    assert job.host == "one.example"


def test_what_a_worker_that_died_had_claimed_is_anybodys_where_it_was_the_only_one(
    sender: LocalActor,
) -> None:
    publish(sender, reader("one.example"))
    assert len(Claims().take(9, timezone.now(), room=lambda host: 9).jobs) == 1
    assert release_all() == 1
    assert len(Claims().take(9, timezone.now(), room=lambda host: 9).jobs) == 1


@pytest.mark.parametrize("inboxes", [20], indirect=True)
async def test_two_workers_at_once_send_nothing_twice(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    def send() -> None:
        for host in inboxes.hosts * 10:
            reader(host, follows=sender)
        publish(sender, followers=True)

    await in_thread(send)()
    stop = asyncio.Event()
    workers = [asyncio.create_task(Worker(alone=False).run(stop)) for _ in range(2)]
    await progress.left()
    stop.set()
    await asyncio.gather(*workers)
    assert len(inboxes.posts) == 200
    assert set(inboxes.counts().values()) == {1}


async def test_what_was_held_for_too_long_is_claimed_anew_before_it_is_sent(
    sender: LocalActor, inboxes: Inboxes, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or another worker would send it at the same time."""
    times: list[datetime] = []
    claimed: Counter[int] = Counter()
    take, held, stop = Claims.take, asyncio.Event(), asyncio.Event()

    def counting(*args: Any, **named: Any) -> Claimed:
        found = take(*args, **named)
        claimed.update(job.id for job in found.jobs)
        return found

    monkeypatch.setattr(Claims, "take", counting)
    inboxes.replies[inboxes.hosts[0]] = lambda post: Reply(held=held)
    await in_thread(lambda: publish(sender, *(reader(inboxes.hosts[0]) for _ in range(3))))()
    times.append(timezone.now())
    working = asyncio.create_task(Worker(alone=True, clock=lambda: times[-1]).run(stop))
    await inboxes.until(lambda: len(inboxes.posts) == 1)
    times.append(times[-1] + LEASE - timedelta(seconds=30))
    held.set()
    await progress.until(lambda: Delivery.objects.count() == 2)
    times.append(times[-1] + timedelta(seconds=31))
    await progress.left()
    stop.set()
    await working
    assert len(inboxes.posts) == 3
    assert sorted(claimed.values()) == [1, 2, 2]


async def test_a_worker_that_is_to_end_gives_back_what_it_has_not_begun(
    sender: LocalActor,
    inboxes: Inboxes,
    working: Working,
    progress: Progress,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("activitypub.delivery.working.GRACE_SECONDS", 0.1)
    inboxes.replies[inboxes.hosts[0]] = lambda post: Reply(held=asyncio.Event())

    def send() -> None:
        for _ in range(20):
            reader(inboxes.hosts[0], follows=sender)
        publish(sender, followers=True)

    await in_thread(send)()
    async with working():
        await inboxes.until(lambda: bool(inboxes.posts))
    assert await in_thread(Delivery.objects.filter(claimed_until=None, attempts=0).count)() == 20


# --- Faults of our own -----------------------------------------------------------------------------


async def test_while_the_database_is_away_what_came_of_deliveries_is_kept_and_written_down_later(
    sender: LocalActor,
    inboxes: Inboxes,
    working: Working,
    progress: Progress,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("activitypub.delivery.working.PAUSE_AFTER_ERROR", 0.01)
    settle, failures = outcomes.settle, iter([OperationalError("away"), InterfaceError("away")])

    def failing(attempts: Sequence[Attempt], now: datetime) -> None:
        for error in failures:
            raise error
        settle(attempts, now)

    monkeypatch.setattr(outcomes, "settle", failing)
    await in_thread(lambda: publish(sender, *map(reader, inboxes.hosts)))()
    async with working():
        await progress.left()
    assert len(inboxes.posts) == 3


async def test_what_cannot_be_written_down_takes_nothing_else_along(
    sender: LocalActor,
    inboxes: Inboxes,
    working: Working,
    progress: Progress,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settle, bad = outcomes.settle, inboxes.hosts[1]

    def failing(attempts: Sequence[Attempt], now: datetime) -> None:
        if any(attempt.job.host == bad for attempt in attempts):
            raise ValueError("of this one")
        settle(attempts, now)

    monkeypatch.setattr(outcomes, "settle", failing)
    await in_thread(lambda: publish(sender, *map(reader, inboxes.hosts)))()
    async with working():
        await progress.until(lambda: Delivery.objects.count() == 1)
    assert len(inboxes.posts) == 3
    assert (await in_thread(Delivery.objects.get)()).host == bad


async def test_a_worker_that_cannot_claim_ends_with_the_fault(
    sender: LocalActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*args: object, **named: object) -> None:
        raise ValueError("a fault")

    monkeypatch.setattr(Claims, "take", failing)
    with pytest.raises(ValueError, match="a fault"):
        await asyncio.wait_for(Worker(alone=True).run(asyncio.Event()), 20)


def test_what_is_thrown_away_leaves_no_activity_that_nobody_is_shown(sender: LocalActor) -> None:
    publish(sender, reader("one.example"), public=False)
    publish(sender, reader("one.example"))
    both = publish(sender, reader("one.example"), reader("two.example"), public=False)
    assert hosts.clear("one.example") == 3
    assert set(Sent.objects.filter(public=False)) == {both}
    assert Sent.objects.filter(public=True).count() == 1
