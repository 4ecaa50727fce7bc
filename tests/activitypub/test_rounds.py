"""What is due in rows is taken in rounds: so many at once, of each host one; what fails fails alone."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass

import pytest

from activitypub import rounds


@dataclass(frozen=True)
class Row:
    name: str
    host: str = ""


class Worker(rounds.Worker[Row]):
    """Does rows by just letting `begins` know, and waits for `goes_on` with those that hang."""

    AT_ONCE = 2
    LOG = logging.getLogger("activitypub.rounds")

    def __init__(self, *rows: Row) -> None:
        super().__init__()
        self.rows = list(rows)
        self.done: list[str] = []
        self.under_way: set[str] = set()
        self.goes_on = asyncio.Event()
        self.changed = asyncio.Condition()
        self.faults: list[Exception] = []
        self.closed = False

    async def _take(self, most: int, busy: Collection[str]) -> list[Row]:
        assert 0 < most <= self.AT_ONCE
        if self.faults:
            raise self.faults.pop()
        taken: list[Row] = []
        for row in list(self.rows):
            hosts = {*busy, *(one.host for one in taken)} - {""}
            if len(taken) < most and row.host not in hosts:
                taken.append(row)
                self.rows.remove(row)
        return taken

    async def _do(self, row: Row) -> None:
        self.under_way.add(row.name)
        await self._tell()
        try:
            if row.name.startswith("hangs"):
                await self.goes_on.wait()
            if row.name.startswith("fails"):
                raise ValueError("what came from elsewhere")
            self.done.append(row.name)
        finally:
            self.under_way.discard(row.name)
            await self._tell()

    async def _close(self) -> None:
        self.closed = True

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(holds)


@pytest.fixture
async def running() -> AsyncIterator[Callable[[Worker], None]]:
    stop, tasks = asyncio.Event(), []
    yield lambda worker: tasks.append(asyncio.create_task(worker.run(stop)))
    stop.set()
    async with asyncio.timeout(20):
        await asyncio.gather(*tasks)


async def test_one_that_fails_takes_no_other_along_and_tells_nothing_of_what_came(
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = Worker(Row("fails"), Row("a"), Row("fails too"), Row("b"))
    await worker.drain()
    assert (sorted(worker.done), worker.closed) == (["a", "b"], True)
    assert len(caplog.records) == 2
    assert "elsewhere" not in caplog.text


async def test_no_more_are_under_way_than_there_are_places(running: Callable[[Worker], None]) -> None:
    worker = Worker(Row("hangs 1"), Row("hangs 2"), Row("c"))
    running(worker)
    await worker.until(lambda: worker.under_way == {"hangs 1", "hangs 2"})
    assert worker.rows == [Row("c")]
    worker.goes_on.set()
    await worker.until(lambda: len(worker.done) == 3)


async def test_a_host_that_hangs_holds_one_place(running: Callable[[Worker], None]) -> None:
    worker = Worker(Row("hangs 1", "slow.example"), Row("hangs 2", "slow.example"), Row("c", "near.example"))
    running(worker)
    await worker.until(lambda: worker.done == ["c"])
    assert (worker.under_way, worker.rows) == ({"hangs 1"}, [Row("hangs 2", "slow.example")])
    worker.goes_on.set()
    await worker.until(lambda: worker.done == ["c", "hangs 1", "hangs 2"])


async def test_a_host_whose_work_failed_has_its_place_again() -> None:
    worker = Worker(Row("fails", "near.example"), Row("b", "near.example"))
    await worker.drain()
    assert worker.done == ["b"]


async def test_a_database_that_is_away_ends_nothing(
    running: Callable[[Worker], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "PAUSE_AFTER_ERROR", 0.0)
    worker = Worker(Row("a"))
    worker.faults = [OSError(), OSError()]
    running(worker)
    await worker.until(lambda: worker.done == ["a"])


async def test_who_is_to_stop_waits_for_nobody_who_hangs() -> None:
    worker, stop = Worker(Row("hangs")), asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    await worker.until(lambda: worker.under_way == {"hangs"})
    stop.set()
    async with asyncio.timeout(20):
        await task
    assert (worker.done, worker.under_way, worker.closed) == ([], set(), True)
