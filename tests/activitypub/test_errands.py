"""What is due by the clock is done once, whoever dies meanwhile; and actors that are gone go here too."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.db import connections
from django.db.models.signals import post_delete
from django.utils import timezone
from pytest_django.fixtures import Settings

from activitypub import background
from activitypub.errands import KINDS, Worker
from activitypub.fetching.errors import DownForNow, Gone, NotFetched, NotFound, Reason
from activitypub.models import (
    Actor,
    Boost,
    Errand,
    ErrandKind,
    Follow,
    FollowState,
    Like,
    LocalActor,
    Post,
    RemoteActor,
)
from activitypub.protocol.retry import MAX_ATTEMPTS
from activitypub.remote import actors, objects, session, signing
from activitypub.services import errands, leaving, outcomes, taking
from tests.activitypub.coming_due import after, do_due, waiting
from tests.activitypub.fetching.peer import Peer, status
from tests.activitypub.living import post
from tests.activitypub.senders import Sender
from tests.activitypub.test_actors import actor_of, remote
from tests.people import Person

GONE = Gone(Reason.GONE)


def test_every_kind_of_errand_is_done_by_somebody() -> None:
    assert set(KINDS) == set(ErrandKind)


# --- Taken and done ----------------------------------------------------------------------------------


def test_what_is_put_down_twice_is_due_once_at_the_first_time(db: None) -> None:
    bob, first = remote(), after(days=1)
    for due_at in (first, after(hours=1)):
        errands.put(ErrandKind.ACTOR_GONE, actor=bob, due_at=due_at)
    assert waiting() == {"actor_gone": first}


def test_what_one_has_taken_no_other_takes_until_it_must_have_died(db: None) -> None:
    now = timezone.now()
    errands.put(ErrandKind.ACTOR_GONE, actor=remote(), due_at=now)
    assert len(errands.take(10, now)) == 1
    assert errands.take(10, now + timedelta(seconds=119)) == []
    assert len(errands.take(10, now + timedelta(minutes=3))) == 1


def test_what_never_gets_on_is_given_up(db: None) -> None:
    now = timezone.now()
    errands.put(ErrandKind.ACTOR_GONE, actor=remote(), due_at=now)
    for _ in range(MAX_ATTEMPTS - 1):
        assert len(errands.take(10, now)) == 1
        now = waiting()["actor_gone"]
    assert errands.take(10, now) == []
    assert waiting() == {}


def test_the_longest_due_is_first_and_no_more_than_are_asked_for(db: None) -> None:
    now = timezone.now()
    late, later = remote("late"), remote("later")
    for actor, minutes in ((later, 1), (late, 2)):
        errands.put(ErrandKind.ACTOR_GONE, actor=actor, due_at=now - timedelta(minutes=minutes))
    assert [errand.actor_id for errand in errands.take(1, now)] == [late.pk]


def test_of_each_host_that_is_asked_one_is_taken_and_of_this_server_as_many_as_there_is_room_for(
    person: Person,
) -> None:
    now = timezone.now()
    for name, host in (("one", "near.example"), ("two", "near.example"), ("three", "far.example")):
        errands.put(ErrandKind.ACTOR_GONE, actor=remote(name, host), due_at=now)
    alice = actor_of(person)
    for number in range(3):
        errands.put(ErrandKind.POLL_TOLD, post=post(alice, number, "tea?"), due_at=now)
    taken = errands.take(10, now, busy={"far.example"})
    assert sorted(errand.host for errand in taken) == ["", "", "", "near.example"]
    # The other one of near.example is due, and waits for nobody but its host.
    assert [errand.host for errand in errands.take(10, now, busy={"far.example"})] == ["near.example"]


def test_however_much_one_host_is_owed_another_is_not_behind_it(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "_LOOKED_AT", 2)
    now = timezone.now()
    for number in range(4):
        longest = now - timedelta(hours=1)
        errands.put(ErrandKind.ACTOR_GONE, actor=remote(f"n{number}", "near.example"), due_at=longest)
    errands.put(ErrandKind.ACTOR_GONE, actor=remote("far", "far.example"), due_at=now)
    busy = {errand.host for errand in errands.take(10, now)}
    assert busy == {"near.example"}
    assert [errand.host for errand in errands.take(10, now, busy=busy)] == ["far.example"]


def test_what_waited_before_hosts_were_known_has_one(person: Person) -> None:
    now = timezone.now()
    bob, alice = remote(), actor_of(person)
    errands.put(ErrandKind.ACTOR_GONE, actor=bob, due_at=now)
    errands.put(ErrandKind.FOLLOWERS_MOVED, actor=alice, due_at=now)
    errands.put(ErrandKind.POLL_ENDED, post=post(bob, 1, "tea?"), due_at=now)
    errands.put(ErrandKind.POLL_TOLD, post=post(alice, 1, "tea?"), due_at=now)
    before = list(Errand.objects.order_by("pk").values_list("kind", "host"))
    assert [host for _, host in before] == [bob.host, "", bob.host, ""]
    Errand.objects.update(host="")
    import_module("activitypub.migrations.0013_hosts_of_errands").name_their_hosts(apps, None)
    assert list(Errand.objects.order_by("pk").values_list("kind", "host")) == before


# --- Actors that are gone ----------------------------------------------------------------------------


@pytest.fixture
def bob(person: Person) -> RemoteActor:
    """Somebody who has written, liked, boosted and followed."""
    bob, alice = remote(), actor_of(person)
    theirs = post(alice, 1, "hello", likes_count=1, boosts_count=1, replies_count=1)
    post(bob, 1, "hello to you", in_reply_to=theirs)
    Like.objects.create(actor=bob, post=theirs)
    Boost.objects.create(
        actor=bob, post=theirs, uri=f"{bob.uri}/2", visibility="public", published=timezone.now()
    )
    Follow.objects.create(follower=bob, followee=alice, state=FollowState.ACCEPTED)
    return bob


def counted() -> list[tuple[int, int, int]]:
    counts = Post.objects.filter(author__host="").values_list("likes_count", "boosts_count", "replies_count")
    return list(counts)


def test_who_is_said_to_be_gone_twice_is_gone_with_all_that_was_theirs(
    bob: RemoteActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "AT_ONCE", 1)
    leaving.suspect(bob.uri, timezone.now())
    assert do_due(after(hours=23), {bob.uri: GONE}) == []
    assert do_due(after(days=1, hours=1), {bob.uri: GONE}) == [bob.uri]
    assert not RemoteActor.objects.exists()
    assert counted() == [(0, 0, 0)]
    assert not Follow.objects.exists()
    assert waiting() == {}


@pytest.mark.parametrize("found", [NotFound(Reason.NOT_FOUND), {"type": "Person"}])
def test_who_is_there_again_stays(bob: RemoteActor, found: object) -> None:
    leaving.suspect(bob.uri, timezone.now())
    do_due(after(days=2), {bob.uri: found})  # type: ignore[dict-item]
    assert RemoteActor.objects.filter(pk=bob.pk).exists()
    assert counted() == [(1, 1, 1)]
    assert waiting() == {}


def test_while_their_server_is_down_nothing_is_decided(bob: RemoteActor) -> None:
    leaving.suspect(bob.uri, timezone.now())
    do_due(after(days=1, hours=1), {bob.uri: DownForNow(Reason.TIMEOUT)})
    assert RemoteActor.objects.filter(pk=bob.pk).exists()
    assert set(waiting()) == {"actor_gone"}


def test_nobody_of_this_server_and_nobody_unknown_is_suspected(person: Person) -> None:
    for uri in (actor_of(person).uri, "https://remote.example/users/nobody"):
        leaving.suspect(uri, timezone.now())
    assert waiting() == {}


def test_behind_an_inbox_that_is_gone_the_actor_is_asked(bob: RemoteActor) -> None:
    outcomes._prune(bob.inbox, bob.host, timezone.now())
    assert set(waiting()) == {"actor_gone"}
    assert Actor.objects.filter(pk=bob.pk).exists()
    assert not Follow.objects.exists()


# --- The worker --------------------------------------------------------------------------------------


@pytest.fixture
def loopback_peers(settings: Settings) -> Iterator[None]:
    settings.HVX_FEDERATION_ALLOW_PRIVATE = True
    signing.forget()
    yield
    signing.forget()


@pytest.fixture
async def peer(loopback_peers: None, transactional_db: None) -> AsyncIterator[Peer]:
    async with Peer() as peer:
        yield peer
        await session.close()
        await sync_to_async(connections.close_all)()


def known(sender: Sender) -> RemoteActor:
    return RemoteActor.objects.create(
        uri=sender.uri,
        host=f"{sender.peer.address}:{sender.peer.port}",
        username=sender.name,
        inbox=f"{sender.uri}/inbox",
    )


async def test_the_worker_asks_and_does(peer: Peer) -> None:
    gone, there = Sender(peer, "gone"), Sender(peer, "there").publish()
    peer.answers["/users/gone"] = status("410 Gone")

    def prepare() -> None:
        for sender in (gone, there):
            errands.put(ErrandKind.ACTOR_GONE, actor=known(sender), due_at=timezone.now())

    await sync_to_async(prepare)()
    async with asyncio.timeout(20):
        await Worker().drain()
    assert sorted(peer.targets) == ["/users/gone", "/users/there"]
    left = await sync_to_async(lambda: list(RemoteActor.objects.values_list("uri", flat=True)))()
    assert left == [there.uri]
    assert not await sync_to_async(Errand.objects.exists)()


async def test_who_answers_410_when_looked_up_is_suspected(peer: Peer) -> None:
    gone = Sender(peer, "gone")
    peer.answers["/users/gone"] = status("410 Gone")
    await sync_to_async(known)(gone)
    with pytest.raises(NotFetched):
        await actors.aresolve(gone.uri, max_age=timedelta())
    assert set(await sync_to_async(waiting)()) == {"actor_gone"}
    assert await sync_to_async(RemoteActor.objects.count)() == 1


async def test_one_that_fails_takes_no_other_along(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = Sender(peer, "bad"), Sender(peer, "good")
    for sender in (bad, good):
        peer.answers[f"/users/{sender.name}"] = status("410 Gone")
    erase = leaving.erase_some

    def broken(actor: Actor) -> bool:
        if actor.username == "bad":
            raise RuntimeError
        return erase(actor)

    monkeypatch.setattr(leaving, "erase_some", broken)

    def prepare() -> None:
        for sender in (bad, good):
            errands.put(ErrandKind.ACTOR_GONE, actor=known(sender), due_at=timezone.now())

    await sync_to_async(prepare)()
    async with asyncio.timeout(20):
        await Worker().drain()
    left = await sync_to_async(lambda: list(RemoteActor.objects.values_list("username", flat=True)))()
    assert left == ["bad"]
    assert await sync_to_async(Errand.objects.count)() == 1


async def test_a_host_that_hangs_holds_one_place_and_another_is_asked(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Worker, "AT_ONCE", 2)
    asked, never = asyncio.Event(), asyncio.Event()

    async def hang(writer: asyncio.StreamWriter) -> None:
        await never.wait()

    async def answer(writer: asyncio.StreamWriter) -> None:
        asked.set()
        await status("410 Gone")(writer)

    slow = [Sender(peer, f"slow{number}") for number in range(3)]
    for sender in slow:
        peer.answers[f"/users/{sender.name}"] = hang
    async with Peer() as elsewhere:
        gone = Sender(elsewhere, "gone")
        elsewhere.answers["/users/gone"] = answer

        def prepare() -> None:
            for sender in (*slow, gone):
                errands.put(ErrandKind.ACTOR_GONE, actor=known(sender), due_at=timezone.now())

        await sync_to_async(prepare)()
        stop = asyncio.Event()
        running = asyncio.create_task(Worker().run(stop))
        async with asyncio.timeout(20):
            await asked.wait()
            stop.set()
            await running
    assert len(peer.targets) <= 1
    never.set()


def test_however_many_hosts_are_to_be_asked_what_asks_nobody_is_not_behind_them(person: Person) -> None:
    now = timezone.now()
    for number in range(3):
        actor = remote("gone", f"host{number}.example")
        errands.put(ErrandKind.ACTOR_GONE, actor=actor, due_at=now - timedelta(hours=1))
    errands.put(ErrandKind.FOLLOWERS_MOVED, actor=actor_of(person), due_at=now)
    assert [errand.host for errand in errands.take(1, now, elsewhere=False)] == [""]
    assert "" not in {errand.host for errand in errands.take(10, now, elsewhere=True)}


async def test_while_hosts_hang_the_background_does_what_asks_nobody(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Worker, "AT_ONCE", 1)
    loop = asyncio.get_running_loop()
    asked, never, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hang(uri: str, *, max_age: float) -> dict[str, Any]:
        asked.set()
        await never.wait()
        raise AssertionError(uri)

    def hear(instance: Errand, **_: object) -> None:
        if not instance.host:
            loop.call_soon_threadsafe(done.set)

    monkeypatch.setattr(objects, "afetch", hang)

    def ida() -> LocalActor:
        return LocalActor.objects.create(uri="http://localhost/users/ida", username="ida", inbox="none")

    def put(kind: ErrandKind, actor: Actor) -> None:
        errands.put(kind, actor=actor, due_at=timezone.now())

    await sync_to_async(lambda: put(ErrandKind.ACTOR_GONE, known(Sender(peer, "slow"))))()
    post_delete.connect(hear, Errand)
    stop = asyncio.Event()
    running = asyncio.create_task(background.run(stop, ready=lambda: None, delivered=lambda *_: None))
    try:
        async with asyncio.timeout(20):
            await asked.wait()
            await sync_to_async(lambda: put(ErrandKind.FOLLOWERS_MOVED, ida()))()
            await done.wait()
            stop.set()
            await running
    finally:
        post_delete.disconnect(hear, Errand)


async def test_a_worker_that_is_to_stop_waits_for_nobody_who_hangs(peer: Peer) -> None:
    asked, never = asyncio.Event(), asyncio.Event()

    async def hang(writer: asyncio.StreamWriter) -> None:
        asked.set()
        await never.wait()

    slow = Sender(peer, "slow")
    peer.answers["/users/slow"] = hang
    actor = await sync_to_async(known)(slow)
    await sync_to_async(errands.put)(ErrandKind.ACTOR_GONE, actor=actor, due_at=timezone.now())
    stop = asyncio.Event()
    running = asyncio.create_task(Worker().run(stop))
    async with asyncio.timeout(20):
        await asked.wait()
        stop.set()
        await running
    assert set(await sync_to_async(waiting)()) == {"actor_gone"}
    never.set()
