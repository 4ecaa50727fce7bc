"""What is sent arrives, signed, once; what is refused does not come again."""

import json
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async as in_thread
from django.utils import timezone

from activitypub.models import Delivery, Follow, Host, HostPolicy, LocalActor, RemoteActor, Sent, Severity
from activitypub.protocol.synchronization import digest, parse
from activitypub.queries.actors import published_keys
from tests.activitypub.delivery.conftest import Progress, Working, publish, reader
from tests.activitypub.delivery.inboxes import Inboxes, status
from tests.activitypub.delivery.verifying import scheme_of, verified_by

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


def test_an_inbox_on_a_suspended_host_gets_nothing_whosever_it_is(sender: LocalActor) -> None:
    HostPolicy.objects.create(host="bad.example", severity=Severity.SUSPEND)
    there = reader("good.example", follows=sender)
    RemoteActor.objects.filter(pk=there.pk).update(inbox="https://under.bad.example/inbox")
    publish(sender, followers=True)
    assert not Delivery.objects.exists()


def test_a_suspended_actor_gets_nothing_and_others_of_its_host_do(sender: LocalActor) -> None:
    bad, good = reader("one.example", follows=sender), reader("one.example", follows=sender)
    RemoteActor.objects.filter(pk=bad.pk).update(suspended_at=timezone.now())
    bad.refresh_from_db()
    publish(sender, bad, followers=True)
    assert Delivery.objects.get().inbox == good.inbox


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


@pytest.mark.parametrize("other", [404, 410, 503])
async def test_where_neither_scheme_is_taken_the_first_answer_counts(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress, other: int
) -> None:
    host = inboxes.hosts[0]
    inboxes.replies[host] = lambda post: status(401 if scheme_of(post) == "cavage" else other)
    somebody = await in_thread(lambda: reader(host, follows=sender))()
    await in_thread(publish)(sender, somebody)
    async with working():
        await progress.put_off()
    assert len(inboxes.posts) == 2
    assert (await in_thread(Delivery.objects.get)()).last_error == "http_401"
    assert await in_thread(Follow.objects.exists)(), "nobody is gone"
    assert not await in_thread(Host.objects.exclude(scheme="").exists)()


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


async def test_what_is_for_one_alone_says_nothing_of_followers(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    await in_thread(lambda: publish(sender, reader(inboxes.hosts[0], follows=sender), public=False))()
    async with working():
        await progress.left()
    assert "Collection-Synchronization" not in inboxes.posts[0].headers
