"""Actors of other servers as rows, for threads and for loops."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from activitypub.fetching.errors import DownForNow, Gone, NotFetched, Refused
from activitypub.models import Actor, ActorKey, HostPolicy, RemoteActor, Severity
from activitypub.remote import actors, objects, session
from activitypub.services.actors import make_missing
from tests.activitypub.fetching.peer import Peer, document, status
from tests.activitypub.senders import Sender, rsa_key

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback_peers")]


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await session.close()
    await asyncio.to_thread(session.close_thread)
    await sync_to_async(connections.close_all)()


async def test_an_unknown_actor_is_fetched_and_kept(bob: Sender) -> None:
    bob.publish(name="Bob", followers=f"{bob.uri}/followers", manuallyApprovesFollowers=True)
    row = await actors.aresolve(bob.uri)
    assert (row.username, row.host, row.display_name) == ("bob", f"127.0.0.1:{bob.peer.port}", "Bob")
    assert (row.inbox, row.shared_inbox) == (f"{bob.uri}/inbox", bob.peer.url("/inbox"))
    assert (row.followers, row.locked) == (f"{bob.uri}/followers", True)
    assert (await actors.aresolve(bob.uri)).pk == row.pk
    assert len(bob.peer.requests) == 1


async def test_threads_ask_by_a_loop_of_their_own(bob: Sender) -> None:
    row = await asyncio.to_thread(actors.resolve, bob.uri)
    assert row.uri == bob.uri
    note = bob.activity()["object"]
    bob.peer.answers["/notes/1"] = document({**note, "id": bob.peer.url("/notes/1")})
    fetched = await asyncio.to_thread(objects.fetch, bob.peer.url("/notes/1"))
    assert fetched["content"] == note["content"]


async def test_what_is_asked_is_signed_by_the_servers_own_actor(bob: Sender) -> None:
    await sync_to_async(make_missing)()
    await actors.aresolve(bob.uri)
    (request,) = bob.peer.requests
    assert "/actor#main-key" in request.headers["signature"]


async def test_an_old_row_is_fetched_anew_and_serves_while_its_host_is_down(bob: Sender) -> None:
    await actors.aresolve(bob.uri)
    bob.publish(name="Robert")
    renewed = await actors.aresolve(bob.uri, max_age=timedelta(0))
    await session.close()  # and with it what was fetched a moment ago
    renewed = await actors.aresolve(bob.uri, max_age=timedelta(0))
    assert renewed.display_name == "Robert"
    bob.peer.answers["/users/bob"] = status("503 Service Unavailable")
    await session.close()
    assert (await actors.aresolve(bob.uri, max_age=timedelta(0))).display_name == "Robert"


@pytest.mark.parametrize(("line", "error"), [("410 Gone", Gone), ("503 Service Unavailable", DownForNow)])
async def test_who_cannot_be_had_is_not_made(bob: Sender, line: str, error: type[NotFetched]) -> None:
    bob.peer.answers["/users/bob"] = status(line)
    with pytest.raises(error):
        await actors.aresolve(bob.uri)
    assert not await RemoteActor.objects.aexists()


@pytest.mark.parametrize(
    "uri", ["http://localhost:8000/users/alice", "acct:bob@remote.example", "file:///etc/passwd", ""]
)
async def test_what_is_no_address_of_another_server_is_not_asked_for(uri: str) -> None:
    with pytest.raises(Refused):
        await actors.aresolve(uri)


async def test_a_suspended_host_is_not_asked(bob: Sender) -> None:
    await HostPolicy.objects.acreate(host="127.0.0.1", severity=Severity.SUSPEND)
    with pytest.raises(Refused) as refused:
        await actors.aresolve(bob.uri)
    assert refused.value.reason == "host_suspended"
    assert bob.peer.requests == []


def stored(sender: Sender, at: datetime | None = None, **changed: Any) -> RemoteActor:
    return actors.store(actors.read(sender.document(**changed)), at or datetime.now(UTC))


async def test_an_older_document_changes_nothing(bob: Sender) -> None:
    now = datetime.now(UTC)
    await sync_to_async(stored)(bob, now, name="new")
    await sync_to_async(stored)(bob, now - timedelta(seconds=1), name="old")
    assert (await RemoteActor.objects.aget()).display_name == "new"


async def test_what_an_actor_tells_of_itself_is_kept_clean(bob: Sender) -> None:
    wild = '<p onclick="x()">I am <b>Bob</b><script>x()</script><img src="https://remote.example/1.png"></p>'
    link = '<a href="javascript:x()" rel="me">mine</a>'
    row = await sync_to_async(stored)(
        bob,
        name="<b>Bob</b> &amp; <script>x()</script>co <3",
        summary=wild,
        attachment=[{"type": "PropertyValue", "name": "<i>Page</i>", "value": link}],
    )
    safe = '<a target="_blank" rel="nofollow noopener noreferrer">mine</a>'
    for kept in (row, await RemoteActor.objects.aget()):
        assert kept.display_name == "Bob & co <3"
        assert kept.summary == "<p>I am <b>Bob</b></p>"
        assert kept.fields == [{"name": "Page", "value": safe}]


async def test_of_what_an_actor_tells_no_more_is_kept_than_people_write(bob: Sender) -> None:
    fields = [{"type": "PropertyValue", "name": "n" * 9000, "value": "v" * 9000}] * 100
    await sync_to_async(stored)(bob, name="N" * 9000, summary="<p>" + "é" * 900_000, attachment=fields)
    row = await RemoteActor.objects.aget()
    assert len(row.display_name) == 500
    assert len(row.summary) < 20_100
    assert (len(row.fields), {(len(field["name"]), len(field["value"])) for field in row.fields}) == (
        64,
        {(500, 2000)},
    )


async def test_of_a_host_without_media_no_picture_of_anybody_is_kept(bob: Sender) -> None:
    pictures = {name: {"type": "Image", "url": bob.peer.url(f"/{name}.png")} for name in ("icon", "image")}
    bob.publish(name="Bob", **pictures)
    row = await actors.aresolve(bob.uri)
    assert (row.icon, row.image) == (bob.peer.url("/icon.png"), bob.peer.url("/image.png"))
    policy = await HostPolicy.objects.acreate(host="127.0.0.1", severity=Severity.NONE, reject_media=True)
    await session.close()  # and with it what was fetched a moment ago
    row = await actors.aresolve(bob.uri, max_age=timedelta(0))
    assert (row.icon, row.image, row.display_name) == ("", "", "Bob")
    await policy.adelete()
    await session.close()
    assert (await actors.aresolve(bob.uri, max_age=timedelta(0))).icon == bob.peer.url("/icon.png")


async def test_keys_are_those_of_the_last_document_and_no_others(bob: Sender) -> None:
    await sync_to_async(stored)(bob)
    second = {
        **Sender(bob.peer, "bob", rsa_key("renewed")).document()["publicKey"],
        "id": f"{bob.uri}#second",
    }
    await sync_to_async(stored)(bob, publicKey=[second])
    assert [key.key_id async for key in ActorKey.objects.all()] == [f"{bob.uri}#second"]


async def test_a_key_of_another_actor_stays_that_ones(bob: Sender) -> None:
    await sync_to_async(stored)(bob)
    eve = Sender(bob.peer, "eve", rsa_key("eve"))
    taken = {**eve.document()["publicKey"], "id": bob.key_id}
    await sync_to_async(stored)(eve, publicKey=[taken])
    key = await ActorKey.objects.select_related("actor").aget(key_id=bob.key_id)
    assert key.actor.uri == bob.uri


async def test_a_document_cannot_make_a_local_actor_or_change_one(bob: Sender) -> None:
    await sync_to_async(make_missing)()
    before = [row async for row in Actor.objects.values()]
    for name in (
        "http://localhost:8000/actor",
        "http://LOCALHOST:8000/actor",
        "http://localhost:8000/users/bob",
    ):
        with pytest.raises(Refused):
            await sync_to_async(stored)(bob, id=name)
    assert [row async for row in Actor.objects.values()] == before


async def test_a_key_that_cannot_be_read_takes_no_other_along(bob: Sender, peer: Peer) -> None:
    good = bob.document()["publicKey"]
    broken = {"id": f"{bob.uri}#broken", "owner": bob.uri, "publicKeyPem": "-----BEGIN PUBLIC KEY-----"}
    await sync_to_async(stored)(bob, publicKey=[broken, good])
    assert [key.key_id async for key in ActorKey.objects.all()] == [bob.key_id]


async def test_as_many_as_ask_at_once_for_the_same_actor_get_the_same_row(bob: Sender) -> None:
    rows = await asyncio.gather(*(actors.aresolve(bob.uri) for _ in range(8)))
    assert len({row.pk for row in rows}) == 1
    assert len(bob.peer.requests) == 1
