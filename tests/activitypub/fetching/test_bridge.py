"""From threads into one loop, and its clean end."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import pytest

from activitypub.fetching.bridge import LoopThread
from activitypub.fetching.fetch import Fetched, Fetcher
from activitypub.fetching.guard import open_session
from tests.activitypub.fetching.peer import OUTSIDE, Names, Peer, document
from tests.live import REPOSITORY


@pytest.fixture
def loop_thread() -> Iterator[LoopThread]:
    loop_thread = LoopThread()
    yield loop_thread
    loop_thread.close()


async def where() -> tuple[int, asyncio.AbstractEventLoop]:
    return threading.get_ident(), asyncio.get_running_loop()


async def forever(begun: threading.Event, ended: list[str]) -> None:
    try:
        begun.set()
        await asyncio.Event().wait()
    finally:
        ended.append("cancelled")


def test_all_threads_share_one_loop_in_a_thread_of_its_own(loop_thread: LoopThread) -> None:
    with ThreadPoolExecutor(4) as threads:
        found = {threads.submit(loop_thread.run, where()).result() for _ in range(20)}
    assert len(found) == 1
    assert threading.get_ident() not in {ident for ident, _ in found}


def test_what_is_raised_there_is_raised_here(loop_thread: LoopThread) -> None:
    async def fail() -> None:
        raise LookupError("there")

    with pytest.raises(LookupError, match="there"):
        loop_thread.run(fail())


def test_who_waits_no_longer_cancels_it(loop_thread: LoopThread) -> None:
    ended: list[str] = []
    with pytest.raises(TimeoutError):
        loop_thread.run(forever(threading.Event(), ended), 0.05)

    async def look() -> list[str]:
        await asyncio.sleep(0)
        return ended

    assert loop_thread.run(look()) == ["cancelled"]


def test_the_loop_itself_does_not_wait_for_itself(loop_thread: LoopThread) -> None:
    async def within() -> None:
        loop_thread.run(where())

    with pytest.raises(RuntimeError, match="from the loop itself"):
        loop_thread.run(within())


def test_its_end_cancels_what_is_under_way_and_tells_who_waits() -> None:
    loop_thread, begun = LoopThread(), threading.Event()
    ended: list[str] = []
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(loop_thread.run, forever(begun, ended))
        begun.wait()
        loop_thread.close()
        with pytest.raises(RuntimeError, match="ended"):
            waiting.result()
    assert ended == ["cancelled"]
    assert "fetching" not in {thread.name for thread in threading.enumerate()}


def test_after_its_end_nothing_runs_and_ending_again_does_no_harm() -> None:
    loop_thread = LoopThread()
    loop_thread.close()
    loop_thread.close()
    with pytest.raises(RuntimeError, match="after its end"):
        loop_thread.run(where())


async def test_a_thread_fetches_through_it(peer: Peer, names: Names) -> None:
    peer.answers["/"] = document({})

    def from_a_thread() -> Fetched:
        loop_thread = LoopThread()
        try:
            session = loop_thread.run(opened())
            fetched = loop_thread.run(Fetcher(session, plain_http=True).fetch(peer.url()))
            loop_thread.run(session.close())
            return fetched
        finally:
            loop_thread.close()

    async def opened() -> aiohttp.ClientSession:
        return open_session(user_agent="Hvx/test", allowed=lambda address: address == OUTSIDE, resolver=names)

    assert (await asyncio.to_thread(from_a_thread)).body == b"{}"


def test_a_process_that_forgets_to_end_it_ends_all_the_same() -> None:
    program = (
        "import asyncio, threading\n"
        "from activitypub.fetching.bridge import LoopThread\n"
        "begun = threading.Event()\n"
        "async def forever():\n"
        "    begun.set()\n"
        "    await asyncio.Event().wait()\n"
        "bridge = LoopThread()\n"
        "threading.Thread(target=bridge.run, args=[forever()], daemon=True).start()\n"
        "begun.wait()\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
