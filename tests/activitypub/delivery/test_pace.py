"""Each host at its own pace: breakers, waiting, and nobody delayed by another."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async as in_thread
from django.db import transaction
from django.utils import timezone

from activitypub.delivery.jobs import Attempt
from activitypub.models import Delivery, Follow, Host, LocalActor
from activitypub.protocol.retry import FAILURES_TO_OPEN, Breaker, Outcome, State
from activitypub.services import hosts, outcomes
from activitypub.services.claims import Claims
from tests.activitypub.delivery.conftest import Progress, Working, publish, reader
from tests.activitypub.delivery.inboxes import Inboxes, Reply, status


async def test_a_host_that_hangs_delays_no_other_and_gets_few_at_once(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    slow, *quick = inboxes.hosts
    held = asyncio.Event()
    inboxes.replies[slow] = lambda post: Reply(held=held)

    def send() -> None:
        for host in (slow,) * 100:
            reader(host, follows=sender)
        publish(sender, followers=True)
        for host in quick * 20:
            reader(host, follows=sender)
        publish(sender, followers=True)

    await in_thread(send)()
    async with working():
        await inboxes.until(lambda: sum(post.host in quick for post in inboxes.posts) == 40)
        assert inboxes.most_at_once[slow] == 1
        assert inboxes.under_way[slow] == inboxes.most_at_once[slow], "it still hangs"
        held.set()
        await progress.left()
    assert set(inboxes.counts().values()) == {1}


@pytest.mark.parametrize("inboxes", [8], indirect=True)
async def test_many_hosts_that_hang_delay_no_other(
    sender: LocalActor,
    inboxes: Inboxes,
    working: Working,
    progress: Progress,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("activitypub.delivery.lanes.AT_ONCE", 8)
    *slow, quick = inboxes.hosts
    held = asyncio.Event()
    for host in slow:
        inboxes.replies[host] = lambda post: Reply(held=held)

    def send() -> None:
        for host in [*slow * 20, *[quick] * 30]:
            reader(host, follows=sender)
        publish(sender, followers=True)

    await in_thread(send)()
    async with working():
        await inboxes.until(lambda: sum(post.host == quick for post in inboxes.posts) == 30)
        assert inboxes.under_way.keys() >= set(slow)
        assert {inboxes.under_way[host] for host in slow} <= {0, 1}
        held.set()
        await progress.left()
    assert set(inboxes.counts().values()) == {1}


async def test_a_host_that_answers_slowly_gets_as_few_at_once_as_one_that_may_not_answer(
    sender: LocalActor,
    inboxes: Inboxes,
    working: Working,
    progress: Progress,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("activitypub.delivery.working.SLOW_SECONDS", 0.0)

    def send() -> None:
        for _ in range(20):
            reader(inboxes.hosts[0], follows=sender)
        publish(sender, followers=True)

    await in_thread(send)()
    async with working():
        await progress.left()
    assert len(inboxes.posts) == 20
    assert inboxes.most_at_once[inboxes.hosts[0]] == 1


def test_however_much_waits_for_a_host_that_is_down_others_pass_it_by(sender: LocalActor) -> None:
    now = timezone.now()
    somebody, another = reader("down.example"), reader("quick.example")
    opened = Host(name="down.example")
    hosts.keep_breaker(opened, somebody.inbox, Breaker(State.OPEN, FAILURES_TO_OPEN, now))
    opened.save()
    for _ in range(50):
        publish(sender, somebody)
    publish(sender, another)
    Delivery.objects.filter(host="down.example").update(due_at=now - timedelta(hours=1))
    claimed = Claims().take(20, timezone.now(), room=lambda host: 1)
    assert [job.host for job in claimed.jobs] == ["quick.example"]
    assert claimed.more
    # As many as were looked at, and not one for each claim.
    assert Delivery.objects.filter(last_error="breaker_open", attempts=1).count() == 20


def test_however_much_waits_for_a_host_without_room_others_pass_it_by(sender: LocalActor) -> None:
    for _ in range(25):
        publish(sender, reader("full0.example"), reader("full1.example"))
    publish(sender, *(reader("quick.example") for _ in range(3)))
    Delivery.objects.exclude(host="quick.example").update(due_at=timezone.now() - timedelta(hours=1))
    claimed = Claims().take(40, timezone.now(), room=lambda host: 1)
    expected = {"full0.example": 1, "full1.example": 1, "quick.example": 1}
    assert Counter(job.host for job in claimed.jobs) == expected
    assert Delivery.objects.exclude(claimed_until=None).count() == 3


async def test_after_ten_failures_an_inbox_is_left_alone_for_a_minute(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    inboxes.replies[inboxes.hosts[0]] = lambda post: status(503)
    somebody = await in_thread(reader)(inboxes.hosts[0])
    for _ in range(FAILURES_TO_OPEN + 5):
        await in_thread(publish)(sender, somebody)
    async with working():
        await progress.put_off(FAILURES_TO_OPEN + 5)
    assert len(inboxes.posts) == FAILURES_TO_OPEN
    words = await in_thread(lambda: list(Delivery.objects.values_list("last_error", flat=True)))()
    assert sorted(words) == ["breaker_open"] * 5 + ["http_503"] * FAILURES_TO_OPEN


async def test_what_a_worker_holds_for_an_inbox_that_begins_to_fail_meets_the_breaker_too(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    inboxes.replies[inboxes.hosts[0]] = lambda post: status(202 if len(inboxes.posts) <= 5 else 503)
    somebody = await in_thread(reader)(inboxes.hosts[0])
    for _ in range(40):
        await in_thread(publish)(sender, somebody)
    async with working():
        await progress.put_off(35)
    # One may have been claimed while the last failure was written down.
    assert FAILURES_TO_OPEN <= len(inboxes.posts) - 5 <= FAILURES_TO_OPEN + 1


async def test_an_open_breaker_lets_one_through_after_a_minute_and_closes_when_that_arrives(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    somebody = await in_thread(reader)(inboxes.hosts[0])

    def opened_a_minute_ago() -> None:
        row = hosts.rows([inboxes.hosts[0]])[inboxes.hosts[0]]
        breaker = hosts.breaker_of(row, somebody.inbox)
        for _ in range(FAILURES_TO_OPEN):
            breaker = breaker.failed(timezone.now() - timedelta(seconds=61))
        hosts.keep_breaker(row, somebody.inbox, breaker)
        row.failed_days = [timezone.now().date().isoformat()]
        row.save()
        for _ in range(3):
            publish(sender, somebody)

    await in_thread(transaction.atomic(opened_a_minute_ago))()
    async with working():
        await progress.left(2)
    assert len(inboxes.posts) == 1
    row = await in_thread(Host.objects.get)(name=inboxes.hosts[0])
    assert (row.breakers, row.failed_days) == ({}, [])


def test_a_host_of_any_number_of_inboxes_that_fail_has_a_few_breakers_and_all_are_guarded() -> None:
    now = timezone.now()
    host = Host(name="down.example")
    fine, *failing = [f"https://down.example/{number}/inbox" for number in range(hosts.MOST_BREAKERS * 3)]
    for inbox in failing * FAILURES_TO_OPEN:
        hosts.keep_breaker(host, inbox, hosts.breaker_of(host, inbox).failed(now))
    assert len(host.breakers) == hosts.MOST_BREAKERS + 1
    assert {hosts.breaker_of(host, inbox).state for inbox in failing} == {State.OPEN}
    assert not hosts.breaker_of(host, fine).ask(now)[1], "it shares one with those that fail"
    # One that answers is free at once, whatever the others do.
    hosts.keep_breaker(host, failing[0], hosts.breaker_of(host, failing[0]).succeeded())
    assert hosts.breaker_of(host, failing[0]).state is State.CLOSED
    assert hosts.breaker_of(host, failing[1]).state is State.OPEN
    # And of those that share one any that answers frees all.
    hosts.keep_breaker(host, failing[0], hosts.breaker_of(host, failing[0]).failed(now))
    hosts.keep_breaker(host, fine, hosts.breaker_of(host, fine).succeeded())
    assert {hosts.breaker_of(host, inbox).state for inbox in (fine, failing[-1])} == {State.CLOSED}


async def test_a_host_that_failed_on_seven_days_gets_nothing_until_it_speaks(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    host = inboxes.hosts[0]
    somebody = await in_thread(reader)(host)
    days = [f"2026-11-0{day}" for day in range(1, 8)]
    await in_thread(Host.objects.create)(name=host, failed_days=days)
    await in_thread(publish)(sender, somebody)
    assert not await in_thread(Delivery.objects.exists)()
    await in_thread(hosts.heard)([host], timezone.now())
    await in_thread(publish)(sender, somebody)
    async with working():
        await progress.left()
    assert len(inboxes.posts) == 1


def test_a_host_that_was_left_alone_and_speaks_is_tried_at_once_and_one_that_fails_when_it_is_time(
    sender: LocalActor,
) -> None:
    publish(sender, reader("one.example"), reader("two.example"))
    Delivery.objects.update(due_at=timezone.now() + timedelta(hours=5), attempts=9)
    days = [f"2026-11-0{day}" for day in range(1, 8)]
    opened = {"inbox": {"state": "open", "failures": 10, "opened_at": "2026-11-07T00:00:00+00:00"}}
    Host.objects.create(name="one.example", failed_days=days, breakers=opened, scheme="rfc9421")
    Host.objects.create(name="two.example", failed_days=days[:6], breakers=opened)
    now = timezone.now()
    hosts.heard(["one.example", "two.example", "three.example"], now)
    assert Delivery.objects.get(due_at__lte=now).host == "one.example"
    one, two = Host.objects.order_by("name")
    assert (one.failed_days, one.breakers, one.scheme, one.heard_at) == ([], {}, "rfc9421", now)
    assert (two.failed_days, two.breakers) == ([], opened)


async def test_retry_after_holds_back_all_that_waits_for_the_inbox(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    somebody = await in_thread(reader)(inboxes.hosts[0])
    inboxes.replies[inboxes.hosts[0]] = lambda post: status(429, Retry_After="3600")
    await in_thread(publish)(sender, somebody)
    before = timezone.now()
    async with working():
        await progress.put_off()
        await in_thread(publish)(sender, somebody)
    due = await in_thread(lambda: Delivery.objects.get(attempts=1).due_at)()
    assert due - before >= timedelta(hours=1)


def test_an_inbox_that_asks_for_patience_is_asked_nothing_that_a_worker_holds(sender: LocalActor) -> None:
    somebody = reader("busy.example")
    for _ in range(5):
        publish(sender, somebody)
    claims = Claims()
    first, *held = claims.take(4, timezone.now(), room=lambda host: 9).jobs
    asks = Attempt(first, Outcome.RETRY, "http_429", timedelta(hours=1))
    outcomes.settle([asks], timezone.now())
    claims.give_back(held)
    assert claims.take(9, timezone.now() + timedelta(minutes=59), room=lambda host: 9).jobs == []
    assert len(claims.take(9, timezone.now() + timedelta(minutes=61), room=lambda host: 9).jobs) == 5


async def test_a_retry_after_that_holds_back_others_too(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    somebody, another = await in_thread(reader)(inboxes.hosts[0]), await in_thread(reader)(inboxes.hosts[0])
    inboxes.replies[inboxes.hosts[0]] = lambda post: status(429, Retry_After="3600")

    def send() -> None:
        publish(sender, somebody)
        later = publish(sender, somebody, another)
        # Not due yet, so no worker has it when the inbox asks for patience.
        Delivery.objects.filter(activity=later).update(due_at=timezone.now() + timedelta(seconds=600))

    await in_thread(send)()
    before = timezone.now()
    async with working():
        await progress.put_off()
    waits = await in_thread(
        lambda: dict(Delivery.objects.filter(attempts=0).values_list("inbox", "due_at"))
    )()
    assert waits[somebody.inbox] - before >= timedelta(hours=1)
    assert waits[another.inbox] - before < timedelta(hours=1), "another inbox has asked for nothing"


async def test_an_inbox_that_is_gone_has_no_followers_behind_it_any_more(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    host = inboxes.hosts[0]

    def send() -> str:
        gone, stays = reader(host, follows=sender), reader(host, follows=sender)
        publish(sender, followers=True)
        later = publish(sender, followers=True)
        Delivery.objects.filter(activity=later).update(due_at=timezone.now() + timedelta(seconds=600))
        inboxes.replies[gone.inbox.removeprefix("http://")] = lambda post: status(410)
        return stays.inbox

    stays = await in_thread(send)()
    async with working():
        await progress.left(1)
    assert await in_thread(lambda: [one.inbox for one in Delivery.objects.all()])() == [stays]
    assert await in_thread(lambda: [one.follower.inbox for one in Follow.objects.all()])() == [stays]
