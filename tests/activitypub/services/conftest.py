"""Another server on the loopback with somebody on it, and a person here."""

from collections.abc import AsyncIterator, Iterator

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from pytest_django.fixtures import Settings

from activitypub.remote import session, signing
from tests.activitypub.fetching.peer import Peer
from tests.activitypub.senders import Sender
from tests.people import DjangoWire, Person


@pytest.fixture
def loopback_peers(settings: Settings) -> Iterator[None]:
    settings.HVX_FEDERATION_ALLOW_PRIVATE = True
    signing.forget()
    yield
    signing.forget()


@pytest.fixture
async def peer(loopback_peers: None) -> AsyncIterator[Peer]:
    async with Peer() as peer:
        yield peer
        await sync_to_async(session.close_thread)()


@pytest.fixture
def bob(peer: Peer) -> Sender:
    return Sender(peer).publish()


@pytest.fixture
async def author(transactional_db: None) -> AsyncIterator[Person]:
    """Somebody of this server, while others answer in the loop."""
    somebody = Person(DjangoWire())
    await sync_to_async(somebody.register)()
    yield somebody
    # They are of the thread in which all this was done.
    await sync_to_async(connections.close_all)()
