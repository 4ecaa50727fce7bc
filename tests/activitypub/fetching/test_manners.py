"""A host that hangs, fails or asks for patience is left alone, and delays nobody else."""

import asyncio
from datetime import timedelta

import aiohttp
import pytest

from activitypub.fetching import manners
from activitypub.fetching.documents import Documents
from activitypub.fetching.errors import DownForNow, NotFetched
from activitypub.fetching.fetch import Fetcher, Limits
from activitypub.fetching.guard import open_session
from activitypub.fetching.manners import FAILURES_TO_REST, LONGEST_REST_SECONDS, REST_SECONDS, Manners
from tests.activitypub.fetching.peer import OUTSIDE, Names, Peer, raw, status, whole

ONE, OTHER = "one.example", "other.example"
GOOD = whole(b"{}", Content_Type="application/activity+json")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def asking(session: aiohttp.ClientSession, clock: Clock, names: Names) -> Fetcher:
    names.name(ONE, [OUTSIDE])
    names.name(OTHER, [OUTSIDE])
    return Fetcher(
        session, plain_http=True, limits=Limits(seconds=2), manners=Manners(clock=clock), schemes=None
    )


async def came(fetcher: Fetcher, url: str) -> str:
    """What came of asking: the word of a reason, or ok."""
    try:
        await fetcher.fetch(url)
    except NotFetched as error:
        return error.reason.value
    return "ok"


# --- failing ---------------------------------------------------------------------------------------


async def test_a_host_that_never_answered_is_left_alone_after_one_failure_and_then_asked_again(
    asking: Fetcher, peer: Peer, clock: Clock
) -> None:
    peer.answers["/"] = raw(b"")
    assert await came(asking, peer.url("/", ONE)) == "broken_off"
    asked = len(peer.requests)
    assert await came(asking, peer.url("/", ONE)) == "left_alone"
    assert len(peer.requests) == asked
    assert await came(asking, peer.url("/nothing", OTHER)) == "not_found"
    peer.answers["/"] = GOOD
    clock.now += REST_SECONDS
    assert await came(asking, peer.url("/", ONE)) == "ok"
    assert await came(asking, peer.url("/", ONE)) == "ok"


async def test_a_host_that_has_answered_is_left_alone_after_some_failures_in_a_row(
    asking: Fetcher, peer: Peer
) -> None:
    peer.answers["/down"] = status("503 Service Unavailable")
    for _ in range(FAILURES_TO_REST - 1):
        assert await came(asking, peer.url("/down")) == "server_error"
    assert await came(asking, peer.url("/nothing")) == "not_found"
    for _ in range(FAILURES_TO_REST):
        assert await came(asking, peer.url("/down")) == "server_error"
    assert await came(asking, peer.url("/down")) == "left_alone"


async def test_the_fault_of_one_document_shuts_nobody_out_of_its_host(asking: Fetcher, peer: Peer) -> None:
    peer.answers["/broken"] = status("500 Internal Server Error")
    for _ in range(3 * FAILURES_TO_REST):
        assert await came(asking, peer.url("/broken")) == "server_error"
    assert await came(asking, peer.url("/nothing")) == "not_found"


def test_a_rest_is_longer_each_time_and_has_an_end(clock: Clock) -> None:
    manners = Manners(clock=clock)
    rests = []
    for _ in range(20):
        manners.silent(ONE)
        rests.append(manners._of(ONE).not_before - clock.now)
        clock.now = manners._of(ONE).not_before
    assert rests[:3] == [REST_SECONDS, 2 * REST_SECONDS, 4 * REST_SECONDS]
    assert rests[-1] == LONGEST_REST_SECONDS
    manners.answered(ONE, well=True)
    manners.silent(ONE)
    assert manners._of(ONE).not_before <= clock.now


def test_what_was_under_way_when_a_rest_began_makes_it_no_longer(clock: Clock) -> None:
    manners = Manners(clock=clock)
    for _ in range(10):
        manners.silent(ONE)
    assert manners._of(ONE).not_before == clock.now + REST_SECONDS


def test_a_bounded_number_of_hosts_is_known(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Manners(clock=clock)
    for number in range(manners.MOST_HOSTS + 100):
        known.silent(f"host{number}.example")
    assert len(known._known) == manners.MOST_HOSTS


# --- asking for patience ---------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_a_host_that_says_for_how_long_is_left_alone_for_as_long(
    line: str, asking: Fetcher, peer: Peer, clock: Clock
) -> None:
    peer.answers["/busy"] = whole(b"", status=line, Retry_After="120")
    assert await came(asking, peer.url("/busy")) in ("try_later", "server_error")
    clock.now += 119
    assert await came(asking, peer.url("/nothing")) == "left_alone"
    assert len(peer.requests) == 1
    clock.now += 1
    assert await came(asking, peer.url("/nothing")) == "not_found"


async def test_a_host_that_asks_for_a_year_is_given_an_hour(
    asking: Fetcher, peer: Peer, clock: Clock
) -> None:
    peer.answers["/busy"] = whole(b"", status="429 Too Many Requests", Retry_After="31536000")
    assert await came(asking, peer.url("/busy")) == "try_later"
    clock.now += timedelta(hours=1).total_seconds()
    assert await came(asking, peer.url("/nothing")) == "not_found"


async def test_a_document_is_asked_for_as_soon_as_its_host_may_be(
    asking: Fetcher, peer: Peer, clock: Clock
) -> None:
    documents = Documents(asking, clock=clock)
    peer.answers["/busy"] = whole(b"", status="429 Too Many Requests", Retry_After="10")
    peer.answers["/note"] = peer.note("/note")
    assert await came(asking, peer.url("/busy")) == "try_later"
    with pytest.raises(DownForNow) as error:
        await documents.fetch_document(peer.url("/note"))
    assert error.value.reason == "left_alone"
    clock.now += 10
    assert (await documents.fetch_document(peer.url("/note")))["type"] == "Note"


async def test_another_status_asks_for_no_patience(asking: Fetcher, peer: Peer) -> None:
    peer.answers["/gone"] = whole(b"", status="404 Not Found", Retry_After="120")
    assert await came(asking, peer.url("/gone")) == "not_found"
    assert await came(asking, peer.url("/gone")) == "not_found"


async def test_where_a_redirect_leads_is_asked_by_its_own_manners(
    asking: Fetcher, peer: Peer, clock: Clock
) -> None:
    peer.answers[f"{OTHER}/"] = whole(b"", status="429 Too Many Requests", Retry_After="120")
    peer.answers[f"{ONE}/"] = whole(b"", status="302 Found", Location=peer.url("/", OTHER))
    assert await came(asking, peer.url("/", ONE)) == "try_later"
    assert await came(asking, peer.url("/", ONE)) == "left_alone"
    assert await came(asking, peer.url("/nothing", ONE)) == "not_found", "who redirects is not to blame"


# --- hanging ---------------------------------------------------------------------------------------


class Hanging:
    """An answer that does not come before `go_on`. Counts who waits for it."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.asked = asyncio.Semaphore(0)
        self.waiting = 0

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        self.waiting += 1
        self.asked.release()
        await self.go_on.wait()
        self.waiting -= 1
        await GOOD(writer)


@pytest.fixture
async def wide(names: Names) -> aiohttp.ClientSession:
    """Many connections, so that places alone are what there is few of."""
    return open_session(
        user_agent="Hvx/test", allowed=lambda address: address == OUTSIDE, resolver=names, per_host=99
    )


async def test_of_one_host_few_documents_are_asked_for_at_a_time_and_of_one_that_failed_one(
    wide: aiohttp.ClientSession, peer: Peer, clock: Clock
) -> None:
    async with wide:
        fetcher = Fetcher(wide, plain_http=True, manners=Manners(clock=clock))
        hanging = Hanging()
        peer.answers["/"] = hanging
        asked = [asyncio.create_task(came(fetcher, peer.url("/"))) for _ in range(20)]
        for _ in range(manners.AT_ONCE_FROM_A_HOST):
            await hanging.asked.acquire()
        assert hanging.waiting == manners.AT_ONCE_FROM_A_HOST
        hanging.go_on.set()
        assert await asyncio.gather(*asked) == ["ok"] * 20
        peer.answers["/down"] = status("502 Bad Gateway")
        assert await came(fetcher, peer.url("/down")) == "server_error"
        hanging = peer.answers["/"] = Hanging()
        asked = [asyncio.create_task(came(fetcher, peer.url("/"))) for _ in range(3)]
        await hanging.asked.acquire()
        await asyncio.sleep(0)
        assert hanging.waiting == 1
        hanging.go_on.set()
        assert await asyncio.gather(*asked) == ["ok"] * 3


async def test_however_many_hosts_hang_one_that_answers_is_asked_at_once(
    wide: aiohttp.ClientSession,
    peer: Peer,
    names: Names,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(manners, "AT_ONCE", 8)
    monkeypatch.setattr(manners, "AT_ONCE_IN_DOUBT", 4)
    names.name(ONE, [OUTSIDE])
    async with wide:
        fetcher = Fetcher(wide, plain_http=True, manners=Manners(clock=clock))
        peer.answers[f"{ONE}/good"] = GOOD
        assert await came(fetcher, peer.url("/good", ONE)) == "ok"
        hanging = peer.answers["/"] = Hanging()
        for number in range(20):
            names.name(f"slow{number}.example", [OUTSIDE])
        asked = [
            asyncio.create_task(came(fetcher, peer.url("/", f"slow{number}.example")))
            for number in range(20)
            for _ in range(3)
        ]
        for _ in range(4):
            await hanging.asked.acquire()
        for _ in range(20):
            assert await came(fetcher, peer.url("/good", ONE)) == "ok"
        assert hanging.waiting == 4, "they still hang"
        hanging.go_on.set()
        assert set(await asyncio.gather(*asked)) == {"ok"}


async def test_who_waits_for_a_host_that_hangs_takes_no_place_from_who_asks_another(
    wide: aiohttp.ClientSession, peer: Peer, names: Names, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manners, "AT_ONCE_IN_DOUBT", manners.AT_ONCE_FROM_A_HOST + 1)
    names.name(ONE, [OUTSIDE])
    names.name(OTHER, [OUTSIDE])
    async with wide:
        fetcher = Fetcher(wide, plain_http=True, manners=Manners(clock=clock))
        hanging = peer.answers[f"{ONE}/"] = Hanging()
        asked = [asyncio.create_task(came(fetcher, peer.url("/", ONE))) for _ in range(50)]
        for _ in range(manners.AT_ONCE_FROM_A_HOST):
            await hanging.asked.acquire()
        assert await came(fetcher, peer.url("/nothing", OTHER)) == "not_found"
        hanging.go_on.set()
        assert set(await asyncio.gather(*asked)) == {"ok"}


async def test_a_host_that_hangs_is_left_alone_and_who_only_waited_for_a_place_blames_nobody(
    wide: aiohttp.ClientSession, peer: Peer, clock: Clock
) -> None:
    async with wide:
        fetcher = Fetcher(wide, plain_http=True, limits=Limits(seconds=1), manners=Manners(clock=clock))
        peer.answers["/"] = Hanging()
        words = await asyncio.gather(*(came(fetcher, peer.url("/")) for _ in range(20)))
        assert words.count("timeout") >= manners.AT_ONCE_FROM_A_HOST
        assert set(words) <= {"timeout", "left_alone"}
        assert len(peer.requests) == manners.AT_ONCE_FROM_A_HOST
        assert await came(fetcher, peer.url("/")) == "left_alone"
        clock.now += REST_SECONDS
        peer.answers["/"] = GOOD
        assert await came(fetcher, peer.url("/")) == "ok"


async def test_who_waits_while_the_host_falls_ill_does_not_ask_it(
    wide: aiohttp.ClientSession, peer: Peer, clock: Clock
) -> None:
    async with wide:
        known = Manners(clock=clock)
        fetcher = Fetcher(wide, plain_http=True, manners=known)
        hanging = peer.answers["/"] = Hanging()
        asked = [asyncio.create_task(came(fetcher, peer.url("/"))) for _ in range(10)]
        for _ in range(manners.AT_ONCE_FROM_A_HOST):
            await hanging.asked.acquire()
        known.answered(peer.url("").partition("//")[2], well=False, patience=timedelta(minutes=1))
        hanging.go_on.set()
        words = await asyncio.gather(*asked)
        assert sorted(words) == ["left_alone"] * 4 + ["ok"] * 6
        with pytest.raises(DownForNow):
            await fetcher.fetch(peer.url("/"))
