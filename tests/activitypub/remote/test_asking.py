"""How other servers are asked: by the scheme that their row names, and not again for who is gone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from pytest_django.fixtures import Settings

from activitypub.fetching.errors import Gone, NotFetched, NotFound, Reason, Refused
from activitypub.models import Host, HostPolicy, Severity
from activitypub.remote import actors, keys, missing, objects, session
from activitypub.services.actors import make_missing
from tests.activitypub.fetching.peer import INSIDE, OUTSIDE, Answer, Peer, redirect, status
from tests.activitypub.senders import Sender

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback_peers")]

NOW = timedelta()


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await session.close()
    await sync_to_async(connections.close_all)()


# --- two schemes -----------------------------------------------------------------------------------


def of_rfc9421_alone(peer: Peer, good: Answer) -> Answer:
    """An answer for who signs by RFC 9421, and 401 for all others."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        await (good if "signature-input" in peer.requests[-1].headers else status("401 Denied"))(writer)

    return answer


async def test_a_host_that_takes_rfc9421_alone_is_read_and_its_row_says_so(bob: Sender, peer: Peer) -> None:
    await sync_to_async(make_missing)()
    peer.answers["/users/bob"] = of_rfc9421_alone(peer, peer.answers["/users/bob"])
    assert (await actors.aresolve(bob.uri)).username == "bob"
    assert len(peer.requests) == 2
    host = await Host.objects.aget()
    assert (host.name, host.scheme) == (f"127.0.0.1:{peer.port}", "rfc9421")
    await session.close()
    await actors.aresolve(bob.uri, max_age=NOW)
    assert len(peer.requests) == 3, "another process's first knock is the right one"


async def test_what_deliveries_have_learned_of_a_host_holds_for_what_it_is_asked(
    bob: Sender, peer: Peer
) -> None:
    await sync_to_async(make_missing)()
    await Host.objects.acreate(name=f"127.0.0.1:{peer.port}", scheme="rfc9421", failed_days=["2026-11-20"])
    await actors.aresolve(bob.uri)
    assert "signature-input" in peer.requests[0].headers
    peer.answers["/users/bob"] = status("401 Denied")
    await session.close()
    with pytest.raises(NotFetched):
        await actors.aresolve(bob.uri, max_age=NOW)
    host = await Host.objects.aget()
    assert (host.scheme, host.failed_days) == ("rfc9421", ["2026-11-20"]), "what refuses both says nothing"


# --- suspended hosts -------------------------------------------------------------------------------


async def test_of_a_suspended_host_no_document_is_asked_for_or_taken_by_a_redirect(peer: Peer) -> None:
    await HostPolicy.objects.acreate(host=INSIDE, severity=Severity.SUSPEND)
    async with Peer(INSIDE) as shut:
        shut.answers["/1"] = shut.note("/1")
        peer.answers["/1"] = redirect(shut.url("/1"))
        for uri in (shut.url("/1"), peer.url("/1")):
            for ask in (objects.afetch, sync_to_async(objects.fetch)):
                with pytest.raises(Refused) as error:
                    await ask(uri)
                assert error.value.reason is Reason.HOST_SUSPENDED
        assert len(shut.requests) == 2, "the redirects were followed, and what they led to was dropped"
    await sync_to_async(session.close_thread)()


async def test_what_is_this_servers_own_is_not_read_as_anothers(peer: Peer, settings: Settings) -> None:
    async with Peer(INSIDE) as own:
        settings.HVX_ORIGIN = own.url("")
        own.answers["/1"] = own.note("/1")
        peer.answers["/1"] = redirect(own.url("/1"))
        for uri in (own.url("/1"), peer.url("/1")):
            with pytest.raises(Refused) as error:
                await objects.afetch(uri)
            assert error.value.reason is Reason.OWN_HOST


async def test_with_an_allow_list_nobody_else_is_asked_for_a_document(peer: Peer, settings: Settings) -> None:
    settings.HVX_FEDERATION_ALLOW_LIST = True
    peer.answers["/1"] = peer.note("/1")
    with pytest.raises(Refused):
        await objects.afetch(peer.url("/1"))
    assert peer.requests == []
    await HostPolicy.objects.acreate(host=OUTSIDE, severity=Severity.NONE, allowed=True)
    assert (await objects.afetch(peer.url("/1")))["id"] == peer.url("/1")


# --- who is gone -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "error", "seconds"),
    [
        ("410 Gone", Gone, missing.GONE_SECONDS),
        ("404 Not Found", NotFound, missing.UNKNOWN_SECONDS),
    ],
)
async def test_an_actor_that_is_gone_is_not_asked_for_again_for_a_while(
    line: str,
    error: type[NotFetched],
    seconds: float,
    bob: Sender,
    peer: Peer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(missing, "_missing", missing.memory(lambda: now[0]))
    peer.answers["/users/bob"] = status(line)
    for _ in range(3):
        # Not what documents are kept for.
        await session.close()
        with pytest.raises(error):
            await actors.aresolve(bob.uri)
        with pytest.raises(error):
            await keys.key_for(bob.key_id)
    assert len(peer.requests) == 1
    bob.publish()
    now[0] += seconds
    await session.close()
    assert (await actors.aresolve(bob.uri)).uri == bob.uri


async def test_who_asks_for_what_is_fresh_finds_who_has_come_back(bob: Sender, peer: Peer) -> None:
    peer.answers["/users/bob"] = status("410 Gone")
    with pytest.raises(Gone):
        await keys.key_for(bob.key_id)
    bob.publish()
    await session.close()
    assert (await keys.key_for(bob.key_id, fresh=True)).actor_uri == bob.uri
    await session.close()
    assert (await actors.aresolve(bob.uri)).uri == bob.uri


async def test_that_a_host_is_down_says_nothing_of_its_actors(bob: Sender, peer: Peer) -> None:
    peer.answers["/users/bob"] = status("500 Oops")
    with pytest.raises(NotFetched):
        await actors.aresolve(bob.uri)
    bob.publish()
    await session.close()
    assert (await actors.aresolve(bob.uri)).uri == bob.uri


def test_a_bounded_number_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing, "MOST", 10)
    monkeypatch.setattr(missing, "_missing", missing.memory())
    for number in range(30):
        missing.note(f"https://peer.example/{number}", Gone(Reason.GONE))
    missing.require_not("https://peer.example/0")
    with pytest.raises(Gone):
        missing.require_not("https://peer.example/29")
