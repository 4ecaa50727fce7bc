"""Inboxes in this process, and two other servers with somebody on each."""

from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from pytest_django.fixtures import Settings

from activitypub.inbox import receiving
from activitypub.models import LocalActor
from activitypub.remote import keys, session, signing
from hvx.inboxes import Inboxes
from tests.activitypub import senders
from tests.activitypub.fetching.peer import Peer
from tests.activitypub.inbox.forging import World
from tests.activitypub.inbox.misskey import Misskey
from tests.activitypub.senders import Sender, rsa_key
from tests.people import DjangoWire, Person


async def _nothing(scope: object, receive: object, send: object) -> None:
    raise AssertionError("this was not for an inbox")


@pytest.fixture
def loopback_peers(settings: Settings) -> Iterator[None]:
    settings.HVX_FEDERATION_ALLOW_PRIVATE = True
    keys.forget()
    signing.forget()
    yield
    keys.forget()
    signing.forget()


@pytest.fixture
async def inboxes(loopback_peers: None, transactional_db: None) -> AsyncIterator[Inboxes]:
    inboxes = Inboxes(_nothing)
    yield inboxes
    await inboxes.close()
    await session.close()
    await sync_to_async(connections.close_all)()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with Peer() as peer:
        yield peer


@pytest.fixture
async def elsewhere() -> AsyncIterator[Peer]:
    """A server whose people are up to no good."""
    async with Peer() as peer:
        yield peer


@pytest.fixture
def bob(peer: Peer) -> Sender:
    return Sender(peer).publish()


@pytest.fixture
def mallory(elsewhere: Peer) -> Sender:
    return Sender(elsewhere, "mallory", rsa_key("mallory")).publish()


@pytest.fixture
def world(bob: Sender, mallory: Sender) -> World:
    return World(bob, Sender(bob.peer, "eve", rsa_key("eve")).publish(), mallory)


@pytest.fixture
def alice(transactional_db: None) -> Person:
    person = Person(DjangoWire())
    person.register().expect(201)
    return person


@pytest.fixture
async def misskey(bob: Sender, alice: Person, monkeypatch: pytest.MonkeyPatch) -> Misskey:
    actor = await LocalActor.objects.aget(username=alice.username)
    misskey = Misskey(bob, actor.uri)
    monkeypatch.setattr(senders, "time", SimpleNamespace(time=lambda: misskey.seconds))
    monkeypatch.setattr(receiving, "timezone", SimpleNamespace(now=misskey.received_at))
    return misskey
