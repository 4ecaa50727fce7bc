"""What a conversation lacks is fetched, and no more of it than a bit."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction
from django.utils import timezone

from activitypub.inbox.backfill import Worker
from activitypub.models import HostPolicy, Post, RemoteActor, Severity, Wanted
from activitypub.remote import actors, posts, session
from activitypub.services import wanting
from hvx.inboxes import Inboxes
from tests.activitypub.fetching.peer import document, redirect, status
from tests.activitypub.inbox.arriving import post, worked
from tests.activitypub.senders import STREAMS, Sender

pytestmark = pytest.mark.usefixtures("loopback_peers", "transactional_db")


def stands(sender: Sender, name: str, **members: Any) -> str:
    """A note at its address."""
    uri = f"{sender.uri}/{name}"
    note = {
        "@context": STREAMS,
        "id": uri,
        "type": "Note",
        "attributedTo": sender.uri,
        "to": [f"{STREAMS}#Public"],
        "content": name,
        **members,
    }
    sender.peer.answers[uri.removeprefix(sender.peer.url(""))] = document(note)
    return uri


async def climb(uri: str) -> list[str]:
    """Have it fetched, and all that comes of that; what there is then."""
    await sync_to_async(wanting.want)(uri, timezone.now())
    return await fetched()


async def fetched(now: datetime | None = None) -> list[str]:
    """Fetch what is wanted and due; what there is then."""
    async with asyncio.timeout(30):
        await Worker(clock=lambda: now or timezone.now()).drain()
    return await kept()


@sync_to_async
def kept() -> list[str]:
    return sorted(Post.objects.values_list("content", flat=True))


@sync_to_async
def waiting() -> list[str]:
    return list(Wanted.objects.order_by("pk").values_list("uri", flat=True))


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await sync_to_async(connections.close_all)()
    await asyncio.to_thread(session.close_thread)


async def test_what_a_post_answers_is_fetched_up_to_the_first_and_joined(bob: Sender) -> None:
    first = stands(bob, "first")
    second = stands(bob, "second", inReplyTo=first)
    assert await climb(stands(bob, "third", inReplyTo=second)) == ["first", "second", "third"]
    assert await Post.objects.filter(in_reply_to__uri=first, uri=second).aexists()
    assert (await Post.objects.aget(uri=second)).replies_count == 1


async def test_a_conversation_without_end_is_fetched_to_a_depth(
    bob: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wanting, "STEPS", 3)
    uri = stands(bob, "0")
    for number in range(1, 8):
        uri = stands(bob, str(number), inReplyTo=uri)
    assert await climb(uri) == ["5", "6", "7"]


async def test_some_replies_are_fetched_and_not_all(bob: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wanting, "REPLIES", 2)
    replies = [stands(bob, f"reply {number}".replace(" ", "-")) for number in range(4)]
    page = {"type": "CollectionPage", "items": replies}
    uri = stands(bob, "asked", replies={"type": "Collection", "first": page})
    assert await climb(uri) == ["asked", "reply-0", "reply-1"]


async def test_replies_are_looked_for_on_some_pages_and_not_on_all(bob: Sender) -> None:
    replies = [stands(bob, f"reply-{number}") for number in range(4)]
    for number, reply in enumerate(replies):
        following = f"{bob.uri}/page-{number + 1}"
        stands(bob, f"page-{number}", type="CollectionPage", items=[reply], next=following)
    first = {"type": "CollectionPage", "items": [], "next": f"{bob.uri}/page-0"}
    uri = stands(bob, "asked", replies={"type": "Collection", "first": first})
    assert await climb(uri) == ["asked", "reply-0", "reply-1"]


async def test_pages_that_lead_back_or_to_another_server_are_not_followed(
    bob: Sender, mallory: Sender
) -> None:
    stands(mallory, "bait")
    theirs = stands(mallory, "page", type="CollectionPage", items=[f"{mallory.uri}/bait"])
    reply = stands(bob, "reply")
    own = stands(bob, "page", type="CollectionPage", items=[reply], next=theirs)
    ring = stands(bob, "ring", type="CollectionPage", items=[], next=f"{bob.uri}/ring")
    for number, page in enumerate((own, ring)):
        replies = {"type": "Collection", "first": page}
        await climb(stands(bob, f"asked-{number}", replies=replies))
    assert await kept() == ["asked-0", "asked-1", "reply"]
    assert mallory.peer.requests == []


async def test_replies_that_another_server_lists_are_not_fetched(bob: Sender, mallory: Sender) -> None:
    stands(mallory, "bait")
    listed = stands(mallory, "list", type="Collection", items=[f"{mallory.uri}/bait"])
    assert await climb(stands(bob, "asked", replies=listed)) == ["asked"]


async def test_what_is_not_there_or_not_its_authors_ends_it(bob: Sender, mallory: Sender) -> None:
    forged = stands(mallory, "forged", attributedTo=bob.uri)
    assert await climb(stands(bob, "asked", inReplyTo=forged)) == ["asked"]
    assert await climb(f"{bob.uri}/nowhere") == ["asked"]
    assert await waiting() == []


async def test_whose_address_leads_to_somebody_else_makes_that_one_no_author(
    bob: Sender, mallory: Sender
) -> None:
    mallory.peer.answers["/users/bob"] = redirect(bob.uri)
    theirs = mallory.peer.url("/users/bob")
    assert await climb(stands(mallory, "forged", attributedTo=theirs)) == []
    bob.peer.answers["/users/eve"] = redirect(bob.uri)
    assert await climb(stands(bob, "forged", attributedTo=bob.peer.url("/users/eve"))) == []


# --- in rows ---------------------------------------------------------------------------------------


async def test_what_a_post_lacks_is_wanted_with_it_and_fetched_behind_it(
    inboxes: Inboxes, bob: Sender
) -> None:
    first = stands(bob, "first")
    reply = bob.activity()["object"] | {"inReplyTo": first, "content": "reply"}
    await post(inboxes, bob, bob.activity(object=reply))
    assert await worked() == ["done"]
    assert (await kept(), await waiting()) == (["reply"], [first])
    assert await fetched() == ["first", "reply"]
    assert await waiting() == []


@pytest.mark.usefixtures("transactional_db")
def test_what_is_undone_wants_nothing() -> None:
    @transaction.atomic
    def undone() -> None:
        want("https://peer.example/1")
        raise ValueError("as it must")

    with pytest.raises(ValueError, match="as it must"):
        undone()
    assert not Wanted.objects.exists()


async def test_a_worker_that_dies_between_two_steps_is_followed_by_one_that_goes_on(
    bob: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = stands(bob, "reply")
    first = stands(bob, "first", replies={"type": "Collection", "items": [reply]})
    second = stands(bob, "second", inReplyTo=first)

    def dies(*_: object) -> None:
        raise SystemError("killed")

    now = timezone.now()
    with monkeypatch.context() as patch:
        patch.setattr(wanting, "had", dies)
        assert await climb(second) == ["second"]
    assert await waiting() == [second]
    assert await fetched(now) == ["second"], "nobody else takes it for a while"
    # Whoever takes it finds the post, and goes on.
    assert await fetched(timezone.now() + wanting.LEASE) == ["first", "reply", "second"]
    assert await waiting() == []


async def test_what_is_down_is_tried_again_some_times_and_then_no_more(bob: Sender) -> None:
    first = stands(bob, "first")
    path = first.removeprefix(bob.peer.url(""))
    bob.peer.answers[path] = status("500 Oops")
    assert await climb(first) == []
    now = timezone.now()
    for _ in range(wanting.MOST_ATTEMPTS - 1):
        assert await waiting() == [first]
        await asyncio.to_thread(session.close_thread)
        now += timedelta(hours=1)
        assert await fetched(now) == []
    assert await waiting() == []
    assert bob.peer.targets.count(path) == wanting.MOST_ATTEMPTS


async def test_a_suspended_host_is_not_asked(bob: Sender) -> None:
    uri = stands(bob, "first")
    await HostPolicy.objects.acreate(host="127.0.0.1", severity=Severity.SUSPEND)
    assert await climb(uri) == []
    assert await waiting() == []
    assert bob.peer.requests == []


async def test_what_a_suspended_actor_wrote_is_not_kept(bob: Sender) -> None:
    await sync_to_async(actors.resolve)(bob.uri)
    await RemoteActor.objects.aupdate(suspended_at=timezone.now())
    assert await climb(stands(bob, "first")) == []
    assert await waiting() == []


async def test_a_fault_of_ours_ends_nothing_and_the_row_waits(
    bob: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = stands(bob, "first")

    def fails(_: str) -> None:
        raise RuntimeError("it does not work")

    with monkeypatch.context() as patch:
        patch.setattr(posts, "resolve", fails)
        assert await climb(uri) == []
    assert await waiting() == [uri]
    assert await fetched(timezone.now() + wanting.LEASE) == ["first"]


async def test_what_every_worker_dies_of_is_given_up(bob: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def dies(uri: str) -> None:
        tried.append(uri)
        raise SystemError("killed")

    monkeypatch.setattr(posts, "resolve", dies)
    uri = stands(bob, "first")
    await climb(uri)
    now = timezone.now()
    for _ in range(10):
        now += wanting.LEASE
        await fetched(now)
    assert tried == [uri] * wanting.MOST_ATTEMPTS
    assert await waiting() == []


# --- bounds ----------------------------------------------------------------------------------------


def want(*uris: str) -> None:
    for uri in uris:
        wanting.want(uri, timezone.now())


def test_what_is_wanted_twice_waits_once() -> None:
    want(*["https://peer.example/1"] * 3, "https://peer.example/2")
    assert Wanted.objects.count() == 2


def test_what_waits_is_bounded_in_all_and_by_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wanting, "MOST_OF_HOST", 3)
    monkeypatch.setattr(wanting, "MOST", 5)
    want(*(f"https://one.example/{number}" for number in range(10)))
    assert Wanted.objects.count() == 3
    want(*(f"https://host{number}.example/" for number in range(10)))
    assert Wanted.objects.count() == 5


def test_what_one_conversation_wants_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wanting, "MOST_OF_THREAD", 4)
    want("https://one.example/1")
    [first] = Wanted.objects.all()
    row = Post(in_reply_to_uri="https://one.example/parent")
    wanting.had(first, row, [f"https://host{number}.example/" for number in range(9)], timezone.now())
    assert set(Wanted.objects.values_list("thread", flat=True)) == {first.pk}
    assert Wanted.objects.count() == 4
    assert Wanted.objects.get(steps__gt=0).uri == "https://one.example/parent", "what it answers goes first"


def test_a_step_that_is_told_of_twice_wants_nothing_twice() -> None:
    want("https://one.example/1")
    [first] = Wanted.objects.all()
    row = Post(in_reply_to_uri="https://one.example/parent")
    wanting.had(first, row, [], timezone.now())
    Wanted.objects.all().delete()
    wanting.had(first, row, [], timezone.now())
    assert not Wanted.objects.exists()


def test_a_reply_that_turns_out_to_be_answered_is_climbed_from() -> None:
    want("https://one.example/1")
    [first] = Wanted.objects.all()
    wanting.had(first, Post(), ["https://one.example/reply"], timezone.now())
    assert [row.steps for row in Wanted.objects.all()] == [0]
    want("https://one.example/reply")
    assert [row.steps for row in Wanted.objects.all()] == [wanting.STEPS]


@pytest.mark.parametrize("uri", ["", "acct:bob@one.example", "https://one.example/" + "a" * 2048])
def test_what_is_no_address_is_not_wanted(uri: str) -> None:
    want(uri)
    assert not Wanted.objects.exists()


def test_of_one_host_one_is_taken_at_a_time_and_nothing_by_two() -> None:
    want("https://one.example/1", "https://one.example/2", "https://two.example/1", "https://three.example/")
    now = timezone.now()
    first = wanting.take(2, now)
    assert [row.uri for row in first] == ["https://one.example/1", "https://two.example/1"]
    busy = {row.host for row in first}
    assert [row.host for row in wanting.take(9, now, busy=busy)] == ["three.example"]
    assert wanting.take(9, now, busy={*busy, "three.example"}) == []
    assert [row.uri for row in wanting.take(9, now)] == ["https://one.example/2"]
    assert len(wanting.take(9, now + wanting.LEASE)) == 3
