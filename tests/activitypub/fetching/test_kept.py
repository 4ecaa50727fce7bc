"""Of those who ask for a document at once one fetches it, and it is kept for a while."""

import asyncio
import json
from collections.abc import Mapping

import pytest

from activitypub.fetching.cache import FAILURE_KEPT_SECONDS, KEPT_SECONDS, Cache
from activitypub.fetching.documents import Documents
from activitypub.fetching.errors import NotFetched, NotFound, Reason, Refused
from activitypub.fetching.fetch import Fetched, Fetcher
from activitypub.protocol.signatures.policy import Scheme
from tests.activitypub.fetching.conftest import reason_of
from tests.activitypub.fetching.peer import (
    ACTIVITY,
    Peer,
    document,
    status,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Key:
    def __init__(self, key_id: str) -> None:
        self.key_id = key_id

    def headers(self, method: str, url: str, scheme: Scheme = Scheme.CAVAGE) -> Mapping[str, str]:
        return {"Signature": self.key_id}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def documents(fetcher: Fetcher, clock: Clock) -> Documents:
    return Documents(fetcher, clock=clock)


# --- once for everybody ------------------------------------------------------------------------


async def test_of_many_who_ask_at_once_one_fetches(documents: Documents, peer: Peer) -> None:
    peer.answers["/note"] = peer.note("/note")
    found = await asyncio.gather(*(documents.fetch_document(peer.url("/note")) for _ in range(50)))
    assert len(found) == 50
    assert peer.targets == ["/note"]


async def test_who_gives_up_ends_it_for_nobody_else(documents: Documents, peer: Peer) -> None:
    go_on, begun = asyncio.Event(), asyncio.Event()

    async def wait(writer: asyncio.StreamWriter) -> None:
        begun.set()
        await go_on.wait()
        await peer.note("/note")(writer)

    peer.answers["/note"] = wait
    first = asyncio.create_task(documents.fetch_document(peer.url("/note")))
    await begun.wait()
    second = asyncio.create_task(documents.fetch_document(peer.url("/note")))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go_on.set()
    assert (await second)["type"] == "Note"
    assert peer.targets == ["/note"]


async def test_all_who_wait_for_what_fails_are_told(documents: Documents, peer: Peer) -> None:
    found = await asyncio.gather(
        *(documents.fetch_document(peer.url("/none")) for _ in range(5)), return_exceptions=True
    )
    assert [type(error) for error in found] == [NotFound] * 5
    assert len({id(error) for error in found}) == 5
    assert peer.targets == ["/none"]


async def test_closing_ends_what_is_under_way(documents: Documents, peer: Peer) -> None:
    begun = asyncio.Event()

    async def wait(writer: asyncio.StreamWriter) -> None:
        begun.set()
        await asyncio.Event().wait()

    peer.answers["/note"] = wait
    asked = asyncio.create_task(documents.fetch_document(peer.url("/note")))
    await begun.wait()
    await documents.close()
    with pytest.raises(asyncio.CancelledError):
        await asked


# --- kept for a while --------------------------------------------------------------------------


async def test_what_was_fetched_is_kept_for_its_time(documents: Documents, peer: Peer, clock: Clock) -> None:
    peer.answers["/note"] = peer.note("/note")
    await documents.fetch_document(peer.url("/note"))
    clock.now += KEPT_SECONDS - 1
    await documents.fetch_document(peer.url("/note"))
    assert len(peer.requests) == 1
    clock.now += 1
    await documents.fetch_document(peer.url("/note"))
    assert len(peer.requests) == 2


async def test_who_needs_it_newer_asks_again(documents: Documents, peer: Peer, clock: Clock) -> None:
    """A key that does not verify may have been replaced; a flood of forgeries does not ask each time."""
    peer.answers["/alice"] = peer.note("/alice", key="old")
    await documents.fetch_document(peer.url("/alice"))
    peer.answers["/alice"] = peer.note("/alice", key="new")
    clock.now += 61
    for _ in range(9):
        assert (await documents.fetch_document(peer.url("/alice"), max_age=60))["key"] == "new"
    assert len(peer.requests) == 2
    await documents.fetch_document(peer.url("/alice"), max_age=0)
    assert len(peer.requests) == 3


@pytest.mark.parametrize("line", ["404 Not Found", "410 Gone", "500 Oops", "403 Forbidden"])
async def test_a_failure_is_remembered_but_not_for_long(
    line: str, documents: Documents, peer: Peer, clock: Clock
) -> None:
    peer.answers["/note"] = status(line)
    said = []
    for _ in range(3):
        with pytest.raises(NotFetched) as error:
            await documents.fetch_document(peer.url("/note"))
        said.append((type(error.value), str(error.value)))
    assert len(set(said)) == 1
    assert len(peer.requests) == 1
    peer.answers["/note"] = peer.note("/note")
    clock.now += FAILURE_KEPT_SECONDS
    assert await documents.fetch_document(peer.url("/note"))


async def test_what_one_actor_may_read_is_not_kept_for_another(documents: Documents, peer: Peer) -> None:
    peer.answers["/note"] = peer.note("/note", content="for alice")
    await documents.fetch_document(peer.url("/note"), Key("alice"))
    peer.answers["/note"] = status("403 Forbidden")
    assert await documents.fetch_document(peer.url("/note"), Key("alice"))
    for signer in (Key("bob"), None):
        with pytest.raises(Refused) as error:
            await documents.fetch_document(peer.url("/note"), signer)
        assert reason_of(error) == "denied"


async def test_two_spellings_of_one_address_are_one(documents: Documents, peer: Peer) -> None:
    peer.answers["/%C3%BC"] = document({"id": peer.url("/ü"), "type": "Note"})
    await documents.fetch_document(peer.url("/ü"))
    await documents.fetch_document(peer.url("/%C3%BC"))
    assert len(peer.requests) == 1


def test_the_cache_holds_no_more_bytes_than_it_may(clock: Clock) -> None:
    cache = Cache(clock, max_bytes=100_000)
    for number in range(1000):
        cache.put(number, Fetched("", "", b" " * 9_000))
    kept = [number for number in range(1000) if cache.get(number, 1)]
    assert kept == list(range(991, 1000))


def test_failures_take_room_too(clock: Clock) -> None:
    cache = Cache(clock, max_bytes=100_000)
    for number in range(1000):
        cache.put(number, NotFound(Reason.NOT_FOUND))
    assert 50 < sum(cache.get(number, 1) is not None for number in range(1000)) < 100


def test_what_is_larger_than_the_cache_is_not_kept(clock: Clock) -> None:
    cache = Cache(clock, max_bytes=1000)
    cache.put("large", Fetched("", "", b" " * 9_000))
    assert cache.get("large", 1) is None


def test_a_body_is_kept_as_it_came(clock: Clock) -> None:
    cache = Cache(clock)
    body = json.dumps({"a": 1}).encode()
    cache.put("key", Fetched("https://peer.example/", ACTIVITY, body))
    kept = cache.get("key", 1)
    assert isinstance(kept, Fetched)
    assert kept.body == body
