"""An actor that sends, inboxes that get it, and a worker in between."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from activitypub.delivery.working import Worker
from activitypub.models import Delivery, Follow, FollowState, LocalActor, RemoteActor, Sent
from activitypub.protocol.documents.shapes import PUBLIC
from activitypub.queries.actors import instance
from activitypub.services import outcomes, sending
from activitypub.services.actors import make_missing
from activitypub.services.claims import Claims
from tests.activitypub.delivery.inboxes import Inboxes

_numbers = itertools.count(1)

Working = Callable[[], AbstractAsyncContextManager[Worker]]


@pytest.fixture
def sender(transactional_db: None, settings: Any) -> LocalActor:
    """The server's own actor, which speaks to peers on this machine."""
    settings.HVX_FEDERATION_ALLOW_PRIVATE = True
    make_missing()
    return instance()


@pytest.fixture
async def inboxes(request: pytest.FixtureRequest) -> AsyncIterator[Inboxes]:
    """Three hosts, or as many as the test is parametrized with."""
    async with Inboxes(getattr(request, "param", 3)) as inboxes:
        yield inboxes
    await let_go()


async def let_go() -> None:
    """Close what the thread that `sync_to_async` works in has open, or PostgreSQL keeps the database."""
    await sync_to_async(connections.close_all)()


class Progress:
    """Tells whoever waits that a worker has written something down."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def tell(self) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._changed.set)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until the database says so."""
        async with asyncio.timeout(30):
            while True:
                self._changed.clear()
                if await sync_to_async(holds)():
                    return
                await self._changed.wait()

    async def left(self, count: int = 0) -> None:
        """Wait until so many deliveries are left, and none of them is claimed."""
        await self.until(
            lambda: (
                Delivery.objects.count() == count
                and not Delivery.objects.exclude(claimed_until=None).exists()
            )
        )

    async def put_off(self, count: int = 1) -> None:
        """Wait until so many deliveries were tried, and wait for their next time."""
        tried = Delivery.objects.filter(attempts__gt=0, claimed_until=None)
        await self.until(lambda: tried.count() == count)


@pytest.fixture
async def progress(monkeypatch: pytest.MonkeyPatch) -> Progress:
    progress = Progress()

    def telling(call: Callable[..., Any]) -> Callable[..., Any]:
        def told(*args: Any, **named: Any) -> Any:
            try:
                return call(*args, **named)
            finally:
                progress.tell()

        return told

    monkeypatch.setattr(outcomes, "settle", telling(outcomes.settle))
    monkeypatch.setattr(Claims, "take", telling(Claims.take))
    return progress


@pytest.fixture
def working(sender: LocalActor) -> Working:
    """A worker, while the context lasts."""

    @contextlib.asynccontextmanager
    async def work() -> AsyncIterator[Worker]:
        worker, stop = Worker(alone=True), asyncio.Event()
        task = asyncio.create_task(worker.run(stop))
        try:
            yield worker
        finally:
            stop.set()
            await task

    return work


def reader(host: str, *, shared: bool = False, follows: LocalActor | None = None) -> RemoteActor:
    """Somebody on a host of the loopback."""
    name = f"reader{next(_numbers)}"
    uri = f"http://{host}/users/{name}"
    actor = RemoteActor.objects.create(
        uri=uri,
        host=host,
        username=name,
        inbox=f"{uri}/inbox",
        shared_inbox=f"http://{host}/inbox" if shared else "",
    )
    if follows is not None:
        Follow.objects.create(follower=actor, followee=follows, state=FollowState.ACCEPTED)
    return actor


def publish(sender: LocalActor, *to: RemoteActor, followers: bool = False, public: bool = True) -> Sent:
    """An activity of the sender, written down."""
    document = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": sending.new_activity_uri(sender),
        "type": "Create",
        "actor": sender.uri,
        "to": [PUBLIC if public else f"{sender.uri}/followers"],
        "object": {"type": "Note", "content": "Good morning."},
    }
    return sending.send(sender, document, to=to, to_followers=followers, public=public)
