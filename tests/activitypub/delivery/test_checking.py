"""The dry run: it says in plain words why two servers do not talk, and changes nothing."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async as in_thread
from django.utils import timezone
from pytest_django.fixtures import Settings

from activitypub.delivery.checking import Mark, NoHandle, Step, check
from activitypub.delivery.words import _WORDS
from activitypub.fetching.errors import Reason
from activitypub.models import Delivery, Host, HostPolicy, LocalActor, RemoteActor, Sent, Severity
from activitypub.remote import actors, session, signing
from activitypub.services import hosts, moderation
from tests.activitypub.delivery.conftest import let_go
from tests.activitypub.fetching.peer import Peer, document, status, whole
from tests.activitypub.senders import Sender


@pytest.fixture
async def peer(sender: LocalActor) -> AsyncIterator[Peer]:
    signing.forget()
    async with Peer() as peer:
        yield peer
        await session.close()
    signing.forget()
    await let_go()


@pytest.fixture
def bob(peer: Peer) -> Sender:
    bob = Sender(peer).publish()
    find(bob)
    return bob


def handle_of(bob: Sender) -> str:
    return f"bob@{bob.peer.address}:{bob.peer.port}"


def find(bob: Sender, **changed: Any) -> None:
    """Have WebFinger name the actor."""
    links = [{"rel": "self", "type": "application/activity+json", "href": bob.uri}]
    told = {"subject": f"acct:{handle_of(bob)}", "links": links, **changed}
    resource = handle_of(bob).replace("@", "%40").replace(":", "%3A")
    bob.peer.answers[f"/.well-known/webfinger?resource=acct%3A{resource}"] = document(
        told, Content_Type="application/jrd+json"
    )


async def steps(handle: str) -> list[Step]:
    return [step async for step in check(handle)]


async def faults(handle: str) -> str:
    """What is said of faults over there; that this server is on the loopback is one in every test."""
    found = [step.text for step in await steps(handle) if step.mark is Mark.BAD]
    assert "others cannot reach that" in found[0]
    return " ".join(found[1:])


@pytest.mark.parametrize("typed", ["bob", "@", "bob@", "https://one.example/users/bob", "bob@a b"])
async def test_what_is_no_handle_is_refused(sender: LocalActor, typed: str) -> None:
    with pytest.raises(NoHandle):
        await steps(typed)


async def test_where_all_is_well_nothing_is_found_nothing_is_posted_and_nothing_kept(bob: Sender) -> None:
    assert await faults(handle_of(bob)) == ""
    said = " ".join(step.text for step in await steps(handle_of(bob)))
    assert f"is {bob.uri}, and its host says the same" in said
    assert "publishes 1 keys that we can read" in said
    assert "answers (404 to a GET)" in said
    assert {request.method for request in bob.peer.requests} == {"GET"}
    for model in (RemoteActor, Delivery, Sent, Host):
        assert not await in_thread(model.objects.exists)()


async def test_each_thing_that_keeps_them_from_talking_has_its_words(bob: Sender) -> None:
    handle = handle_of(bob)
    assert "knows nothing there" in await faults(handle.replace("bob", "eve"))
    find(bob, links=[])
    assert "names no ActivityPub actor" in await faults(handle)
    find(bob)
    bob.publish(preferredUsername="robert")
    await session.close()
    assert "another username" in await faults(handle)
    bob.publish(publicKey=None)
    await session.close()
    assert "no key that we can read" in await faults(handle)
    said = {"401 No": "refuses us", "500 Ill": "error of its own", "410 Gone": "gone for good"}
    for line, words in said.items():
        bob.peer.answers["/users/bob"] = status(line)
        await session.close()
        assert words in await faults(handle)
    bob.peer.answers["/users/bob"] = whole(b"<html>", Content_Type="text/html")
    await session.close()
    assert "no ActivityPub" in await faults(handle)
    assert "takes no connection" in await faults("bob@127.0.0.1:1025")


async def test_an_inbox_that_cannot_be_reached_is_told(bob: Sender) -> None:
    bob.publish(endpoints=None, inbox="http://127.0.0.1:1025/inbox")
    assert "The inbox is not reached: 127.0.0.1:1025 takes no connection" in await faults(handle_of(bob))
    bob.publish(endpoints=None, inbox="http://10.0.0.1/inbox")
    await session.close()
    assert "The inbox is not reached: 10.0.0.1 has an address that is not in the Inter" in await faults(
        handle_of(bob)
    )


async def test_what_our_own_rows_say_against_a_host_is_told(bob: Sender) -> None:
    name = handle_of(bob).partition("@")[2]
    days = [f"2026-11-0{day}" for day in range(1, 8)]
    await in_thread(Host.objects.create)(name=name, failed_days=days)
    await in_thread(hosts.pause)(name)
    await in_thread(HostPolicy.objects.create)(host=name, severity=Severity.SUSPEND)
    said = await faults(handle_of(bob))
    for words in ("moderators have suspended", "are paused", "failed on 7 days and is left alone"):
        assert words in said


async def test_where_deliveries_go_counts_and_not_the_handles_host_alone(bob: Sender) -> None:
    bob.publish(endpoints=None, inbox="http://127.0.0.2:1025/inbox")
    await in_thread(HostPolicy.objects.create)(host="127.0.0.2", severity=Severity.SUSPEND)
    await in_thread(hosts.pause)("127.0.0.2:1025")
    said = await faults(handle_of(bob))
    assert "Our moderators have suspended 127.0.0.2:1025: nothing is exchanged." in said
    assert "Deliveries to 127.0.0.2:1025 are paused" in said


async def test_who_is_suspended_alone_is_told(bob: Sender) -> None:
    row = await in_thread(actors.store)(actors.read(bob.document()), timezone.now())
    await in_thread(moderation.suspend)(row)
    assert f"Our moderators have suspended {bob.uri}" in await faults(handle_of(bob))


async def test_with_an_allow_list_nobody_is_said_to_be_suspended_who_was_never_let_in(
    bob: Sender, settings: Settings
) -> None:
    settings.HVX_FEDERATION_ALLOW_LIST = True
    name = handle_of(bob).partition("@")[2]
    said = await faults(handle_of(bob))
    assert f"{name} is not on our allow-list: manage.py federation decide 127.0.0.1 --allow." in said
    assert "suspended" not in said


async def test_this_server_itself_is_no_other(bob: Sender, settings: Settings) -> None:
    said = await steps(f"somebody@{settings.HVX_HOST}")
    assert said[-1].mark is Mark.DOUBTFUL
    assert "this server itself" in said[-1].text
    assert bob.peer.requests == []


async def test_what_waits_is_told_with_what_came_of_the_last_attempt(sender: LocalActor, bob: Sender) -> None:
    name = handle_of(bob).partition("@")[2]
    sent = await Sent.objects.acreate(actor=sender, uri=f"{sender.uri}/objects/1", type="Create", body=b"{}")
    waiting = await Delivery.objects.acreate(
        activity=sent, inbox=f"http://{name}/inbox", host=name, due_at=timezone.now()
    )
    for word, told in (
        ("http_503", "The last attempt: it answered 503."),
        ("unreachable", "The last attempt: it takes no connection: the server is down"),
        ("", f"1 deliveries to {name} wait."),
    ):
        await Delivery.objects.filter(pk=waiting.pk).aupdate(last_error=word)
        assert any(told in step.text for step in await steps(handle_of(bob)))


def test_every_reason_has_words() -> None:
    assert _WORDS.keys() == set(Reason)
