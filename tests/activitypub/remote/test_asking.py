"""How other servers are asked: by the scheme that their row names, and not again for who is gone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from activitypub.fetching.errors import Gone, NotFetched, NotFound, Reason
from activitypub.models import Host
from activitypub.remote import actors, keys, missing, session
from activitypub.services.actors import make_missing
from tests.activitypub.fetching.peer import Answer, Peer, status
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
