"""A worker for what is due in rows: takes what is due in rounds, so many at once and of each host one.

A row is there until what it asks for is done, and says when it is due again: so nothing is lost when this
process dies, and what fails is tried later.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from logging import Logger
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from activitypub.tasks import Tasks

POLL_SECONDS: Final = 1.0
PAUSE_AFTER_ERROR: Final = 1.0


class Due(Protocol):
    """A row that was taken. `host` is whom it asks, a string; empty for nobody."""

    @property
    def host(self) -> Any: ...


R = TypeVar("R", bound=Due)


class Worker(ABC, Generic[R]):
    """One worker, in one loop. On PostgreSQL any number may work on one database."""

    # Under way at the same time. Who asks a server that hangs has a place for as long as a fetch may take.
    AT_ONCE: ClassVar[int]
    LOG: ClassVar[Logger]

    def __init__(self) -> None:
        self._tasks = Tasks()
        self._busy: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Do what is due until `stop` is set; what is under way then is done another time."""
        working = asyncio.create_task(self._work_for_ever())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (ending := (working, stopping)):
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            await self._tasks.cancel()
            await self._close()

    async def drain(self) -> None:
        """Work until nothing is due. Instead of `run`, not beside it."""
        try:
            while await self._round() or self._tasks:
                await self._tasks.one()
        finally:
            await self._close()

    @abstractmethod
    async def _take(self, most: int, busy: Collection[str]) -> Sequence[R]:
        """Take so many that are due, of each host one at most, and none of those that are `busy`."""

    @abstractmethod
    async def _do(self, row: R) -> None:
        """Do what was taken. Whatever it raises, the row says when it is due again."""

    @abstractmethod
    async def _close(self) -> None:
        """Let go of what this worker alone has. Nothing is under way."""

    async def _work_for_ever(self) -> None:
        while True:
            try:
                begun = await self._round()
            except Exception:
                self.LOG.exception("the database did not tell what is due")
                await asyncio.sleep(PAUSE_AFTER_ERROR)
                continue
            if self._tasks and (not begun or len(self._tasks) >= self.AT_ONCE):
                await self._tasks.one(POLL_SECONDS)
            elif not begun:
                await asyncio.sleep(POLL_SECONDS)

    async def _round(self) -> bool:
        """Begin what is due, as far as there is room; whether anything was."""
        room = self.AT_ONCE - len(self._tasks)
        taken = await self._take(room, frozenset(self._busy)) if room else ()
        for row in taken:
            if row.host:
                self._busy.add(row.host)
            self._tasks.start(self._done(row))
        return bool(taken)

    async def _done(self, row: R) -> None:
        try:
            await self._do(row)
        except Exception as error:
            # Its text may hold what came from elsewhere, so the kind alone is told.
            fields = {"row": str(row), "error": type(error).__name__}
            self.LOG.error("what was due was not done", extra={"fields": fields})
        finally:
            self._busy.discard(row.host)
