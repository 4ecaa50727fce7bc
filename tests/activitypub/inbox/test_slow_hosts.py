"""A host that hangs delays what depends on it, and nothing else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.utils import timezone

from activitypub.fetching import fetch
from activitypub.fetching.manners import AT_ONCE_FROM_A_HOST
from activitypub.inbox.working import Worker
from activitypub.models import Boost, Received, RemoteActor
from activitypub.remote import session
from tests.activitypub.fetching.peer import Peer
from tests.activitypub.inbox.arriving import at_its_address
from tests.activitypub.inbox.dying import arrived
from tests.activitypub.senders import Sender

pytestmark = pytest.mark.usefixtures("loopback_peers", "transactional_db")

# More than there are places for in all.
MANY = 300


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await session.close()
    await sync_to_async(connections.close_all)()


def announcer(name: str, what: str) -> Received:
    """Somebody who is known, and has boosted what stands there."""
    uri = f"https://known.example/users/{name}"
    RemoteActor.objects.create(
        uri=uri, host="known.example", username=name, inbox=f"{uri}/inbox", fetched_at=timezone.now()
    )
    return arrived(uri, "Announce", what)


@contextlib.asynccontextmanager
async def working() -> AsyncIterator[Worker]:
    worker, stop = Worker(), asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        await task
        await session.close()


async def test_what_hangs_at_one_host_keeps_nothing_of_another_waiting(
    bob: Sender, elsewhere: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What hangs is given up after this test.
    monkeypatch.setattr(fetch, "Limits", partial(fetch.Limits, seconds=600))
    asked = asyncio.Semaphore(0)

    async def hang(_: asyncio.StreamWriter) -> None:
        asked.release()
        await asyncio.Event().wait()

    note = at_its_address(bob, bob.activity()["object"])

    def arrive() -> Received:
        for number in range(MANY):
            elsewhere.answers[f"/{number}"] = hang
            announcer(f"slow{number}", elsewhere.url(f"/{number}"))
        return announcer("quick", note["id"])

    quick = await sync_to_async(arrive)()
    boosted = Boost.objects.filter(actor__username="quick").exists
    async with working():
        for _ in range(AT_ONCE_FROM_A_HOST):
            await asked.acquire()
        async with asyncio.timeout(60):
            while not await sync_to_async(boosted)():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        waiting = await sync_to_async(Received.objects.filter(outcome="", not_before=None).count)()
        assert waiting == MANY, "they still hang"
    assert (await sync_to_async(Received.objects.get)(pk=quick.pk)).outcome == "done"
    assert len(elsewhere.requests) == AT_ONCE_FROM_A_HOST
