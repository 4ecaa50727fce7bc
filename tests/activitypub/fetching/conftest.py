"""A fetcher whose Internet is 127.0.0.1, a server in it, and one inside."""

from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from activitypub.fetching.documents import Documents
from activitypub.fetching.errors import NotFetched
from activitypub.fetching.fetch import Fetcher, Limits
from activitypub.fetching.guard import open_session
from tests.activitypub.fetching.peer import INSIDE, OUTSIDE, Answer, Names, Peer

Few = Callable[..., Fetcher]


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with Peer() as peer:
        yield peer


@pytest.fixture
async def inside() -> AsyncIterator[Peer]:
    """What must never be spoken to."""
    async with Peer(INSIDE) as peer:
        yield peer
        assert peer.connections == 0


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
async def session(names: Names) -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session(
        user_agent="Hvx/test", allowed=lambda address: address == OUTSIDE, resolver=names, per_host=2
    ) as session:
        yield session


@pytest.fixture
def fetcher(session: aiohttp.ClientSession) -> Fetcher:
    return Fetcher(session, plain_http=True)


@pytest.fixture
def hasty(session: aiohttp.ClientSession) -> Fetcher:
    """One that gives up soon."""
    return Fetcher(session, plain_http=True, limits=Limits(seconds=0.2))


@pytest.fixture
async def documents(fetcher: Fetcher) -> AsyncIterator[Documents]:
    documents = Documents(fetcher)
    yield documents
    await documents.close()


def reason_of(error: pytest.ExceptionInfo[NotFetched]) -> str:
    return error.value.reason.value


async def refusal(fetcher: Fetcher, peer: Peer, answer: Answer) -> NotFetched:
    peer.answers["/"] = answer
    with pytest.raises(NotFetched) as error:
        await fetcher.fetch(peer.url())
    return error.value
