"""What is sent arrives, signed, once; each host at its own pace."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async as in_thread
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from activitypub.delivery.jobs import Attempt
from activitypub.delivery.working import Worker
from activitypub.models import Delivery, Follow, Host, HostPolicy, LocalActor, Sent, Severity
from activitypub.protocol.retry import FAILURES_TO_OPEN
from activitypub.protocol.synchronization import digest, parse
from activitypub.queries.actors import published_keys
from activitypub.services import hosts, outcomes
from activitypub.services.claims import LEASE, Claims, release_all
from tests.activitypub.delivery.conftest import Progress, Working, publish, reader
from tests.activitypub.delivery.inboxes import Inboxes, Reply
from tests.activitypub.delivery.verifying import scheme_of, verified_by


def status(number: int, **headers: str) -> Reply:
    return Reply(number, {name.replace("_", "-"): value for name, value in headers.items()})


# --- Refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [400, 403, 404, 405, 413, 422, 501])
async def test_what_is_refused_for_good_is_not_tried_again(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress, number: int
) -> None:
    inboxes.replies[inboxes.hosts[0]] = lambda post: status(number)
    await in_thread(lambda: publish(sender, reader(inboxes.hosts[0])))()
    async with working():
        await progress.left()
    schemes = [scheme_of(post) for post in inboxes.posts]
    assert schemes == (["cavage", "rfc9421"] if number in (400, 403) else ["cavage"])
    # It has answered, so nothing is held against the host.
    assert not await in_thread(Host.objects.exclude(failed_days=[]).exists)()


@pytest.mark.parametrize("number", [302, 401, 408, 429, 500, 502, 503])
async def test_what_may_pass_is_tried_again_later(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress, number: int
) -> None:
    inboxes.replies[inboxes.hosts[0]] = lambda post: status(number, Location="http://127.0.0.1:1/")
    await in_thread(lambda: publish(sender, reader(inboxes.hosts[0])))()
    before = timezone.now()
    async with working():
        await progress.put_off()
    [delivery] = await in_thread(lambda: list(Delivery.objects.all()))()
    assert (delivery.attempts, delivery.last_error) == (1, f"http_{number}")
    assert timedelta(seconds=16) <= delivery.due_at - before < timedelta(seconds=40)


async def test_a_redirect_is_not_followed(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    first, second, _ = inboxes.hosts
    inboxes.replies[first] = lambda post: status(307, Location=f"http://{second}/inbox")
    await in_thread(lambda: publish(sender, reader(first)))()
    async with working():
        await progress.put_off()
    assert [post.host for post in inboxes.posts] == [first]


async def test_an_address_inside_is_never_spoken_to(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress, settings: Any
) -> None:
    settings.HVX_FEDERATION_ALLOW_PRIVATE = False
    host = inboxes.hosts[0]

    def send() -> None:
        literal, name = reader(host), reader(host)
        literal.inbox, name.inbox = f"https://{host}/inbox", f"https://localhost:{host.split(':')[1]}/inbox"
        publish(sender, literal, name)

    await in_thread(send)()
    async with working():
        await progress.left()
    assert inboxes.posts == []


def test_a_suspended_host_and_all_below_it_get_nothing(sender: LocalActor) -> None:
    HostPolicy.objects.create(host="bad.example", severity=Severity.SUSPEND)
    HostPolicy.objects.create(host="loud.example", severity=Severity.SILENCE)
    names = ["bad.example", "under.bad.example", "bad.example:8443", "notbad.example", "loud.example"]
    publish(sender, *(reader(name) for name in names))
    assert set(Delivery.objects.values_list("host", flat=True)) == {"notbad.example", "loud.example"}


async def test_what_waits_for_a_host_is_dropped_when_it_is_suspended(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    def send() -> None:
        publish(sender, reader(inboxes.hosts[0]), reader(inboxes.hosts[1]))
        HostPolicy.objects.create(host=inboxes.hosts[0], severity=Severity.SUSPEND)

    await in_thread(send)()
    async with working():
        await progress.left()
    assert [post.host for post in inboxes.posts] == [inboxes.hosts[1]]


# --- Sent ------------------------------------------------------------------------------------------


async def test_an_activity_arrives_once_at_each_inbox_signed_by_its_actor(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    one, two, three = inboxes.hosts

    def send() -> Sent:
        for host, shared in ((one, True), (one, True), (one, False), (two, True), (three, False)):
            reader(host, shared=shared, follows=sender)
        return publish(sender, reader(two, shared=True), followers=True)

    sent = await in_thread(send)()
    async with working():
        await progress.left()
    counts = inboxes.counts()
    assert set(counts.values()) == {1}
    assert sorted(post.host for post in inboxes.posts) == sorted([one, one, two, three])
    keys = await in_thread(published_keys)(sender)
    for post in inboxes.posts:
        assert post.body == bytes(sent.body)
        assert json.loads(post.body)["id"] == sent.uri
        assert post.headers["Content-Type"] == "application/activity+json"
        assert verified_by(post, keys) == sender.uri
    assert await in_thread(Sent.objects.filter(pk=sent.pk).exists)(), "the outbox shows it"


async def test_what_no_outbox_shows_is_forgotten_when_the_last_inbox_has_it(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    sent = await in_thread(lambda: publish(sender, *map(reader, inboxes.hosts), public=False))()
    async with working():
        await progress.left()
    assert len(inboxes.posts) == 3
    assert not await in_thread(Sent.objects.filter(pk=sent.pk).exists)()


def test_what_nobody_gets_and_no_outbox_shows_has_no_row(sender: LocalActor) -> None:
    assert publish(sender, public=False).uri
    assert not Sent.objects.exists()


async def test_what_comes_while_the_worker_waits_is_sent_at_once(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    somebody = await in_thread(reader)(inboxes.hosts[0])
    async with working() as worker:
        for number in range(1, 4):
            await in_thread(publish)(sender, somebody)
            worker.wake()
            await inboxes.until(lambda number=number: len(inboxes.posts) == number)  # type: ignore[misc]


async def test_what_one_actor_tells_an_inbox_arrives_in_its_order(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    somebody = await in_thread(reader)(inboxes.hosts[0])
    sent = [(await in_thread(publish)(sender, somebody)).uri for _ in range(20)]
    async with working():
        await progress.left()
    assert [post.id for post in inboxes.posts] == sent


# --- Each host at its own pace ---------------------------------------------------------------------


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


# --- Knocking twice --------------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", [400, 401, 403])
async def test_a_host_that_takes_the_other_scheme_is_knocked_at_twice_once(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress, refusal: int
) -> None:
    host = inboxes.hosts[0]
    inboxes.replies[host] = lambda post: status(202 if scheme_of(post) == "rfc9421" else refusal)
    somebody = await in_thread(reader)(host)
    for _ in range(2):
        await in_thread(publish)(sender, somebody)
        async with working():
            await progress.left()
    assert [scheme_of(post) for post in inboxes.posts] == ["cavage", "rfc9421", "rfc9421"]
    keys = await in_thread(published_keys)(sender)
    assert {verified_by(post, keys) for post in inboxes.posts} == {sender.uri}
    # It has another server now, which reads the older scheme alone.
    inboxes.replies[host] = lambda post: status(202 if scheme_of(post) == "cavage" else refusal)
    for _ in range(2):
        await in_thread(publish)(sender, somebody)
        async with working():
            await progress.left()
    assert [scheme_of(post) for post in inboxes.posts[3:]] == ["rfc9421", "cavage", "cavage"]


# --- The followers' synchronisation ----------------------------------------------------------------


async def test_what_goes_to_followers_alone_says_who_they_are_there_and_signs_it(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    host = inboxes.hosts[0]

    def send() -> list[str]:
        LocalActor.objects.filter(pk=sender.pk).update(followers=f"{sender.uri}/followers")
        readers = [reader(host, shared=True, follows=sender) for _ in range(3)]
        reader(inboxes.hosts[1], follows=sender)
        publish(sender, followers=True, public=False)
        return [one.uri for one in readers]

    there = await in_thread(send)()
    async with working():
        await progress.left()
    [post] = [post for post in inboxes.posts if post.host == host]
    told = parse(post.headers["Collection-Synchronization"], f"{sender.uri}/followers")
    assert told is not None
    assert told.digest == digest(there)
    assert told.url == f"{sender.uri}/followers_synchronization"
    assert "collection-synchronization" in post.headers["Signature"]
    assert verified_by(post, await in_thread(published_keys)(sender)) == sender.uri


async def test_what_everybody_may_read_says_nothing_of_followers(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    def send() -> None:
        reader(inboxes.hosts[0], follows=sender)
        publish(sender, followers=True, public=True)

    await in_thread(send)()
    async with working():
        await progress.left()
    assert "Collection-Synchronization" not in inboxes.posts[0].headers


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
