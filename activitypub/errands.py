"""The worker that does what is due by the clock.

An errand's row is there until it is done, so none is lost when this process dies. What it needs of another
server is fetched with no transaction open.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from django.db import connections
from django.utils import timezone

from activitypub.fetching.errors import DownForNow, NotFetched
from activitypub.models import Errand, ErrandKind
from activitypub.remote import actors, objects
from activitypub.services import errands, host_blocks, leaving, moving, polls
from activitypub.services.errands import Does, Found
from activitypub.threads import in_database

log = logging.getLogger("activitypub.errands")

# Under way at the same time. Who asks a server that hangs has a place for as long as a fetch may take.
AT_ONCE: Final = 16
POLL_SECONDS: Final = 1.0
PAUSE_AFTER_ERROR: Final = 1.0


@dataclass(frozen=True)
class Kind:
    """`asks` is what stands elsewhere and is to be fetched first, if anything; both are called with the
    database."""

    does: Does
    asks: Callable[[Errand], str | None] = lambda errand: None


KINDS: Final[Mapping[ErrandKind, Kind]] = {
    ErrandKind.POLL_TOLD: Kind(polls.tell),
    ErrandKind.POLL_ENDED: Kind(polls.end, polls.asked_at_end),
    ErrandKind.FOLLOWERS_MOVED: Kind(moving.move_on),
    ErrandKind.ACTOR_GONE: Kind(leaving.leave, leaving.asked),
    ErrandKind.HOST_BLOCKED: Kind(host_blocks.sever),
}


class Worker:
    """One worker, in one loop. On PostgreSQL any number may work on one database."""

    def __init__(self, *, clock: Callable[[], datetime] = timezone.now) -> None:
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        # One asks the database, as SQLite has it anyway.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="errands")

    async def run(self, stop: asyncio.Event) -> None:
        """Do what is due until `stop` is set; what is being fetched then is done another time."""
        working = asyncio.create_task(self._work_for_ever())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (ending := {working, stopping, *self._tasks}):
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            await self._close()

    async def drain(self) -> None:
        """Work until nothing is due. Instead of `run`, not beside it."""
        try:
            while await self._round() or self._tasks:
                if self._tasks:
                    await asyncio.wait(set(self._tasks))
        finally:
            await self._close()

    async def _close(self) -> None:
        await in_database(connections.close_all, self._writer)
        self._writer.shutdown()

    async def _work_for_ever(self) -> None:
        while True:
            try:
                begun = await self._round()
            except Exception:
                log.exception("the database did not tell what is due")
                begun = False
                await asyncio.sleep(PAUSE_AFTER_ERROR)
            if self._tasks:
                await asyncio.wait(
                    set(self._tasks), timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
            elif not begun:
                await asyncio.sleep(POLL_SECONDS)

    async def _round(self) -> bool:
        """Begin what is due, as far as there is room; whether anything was."""
        room = AT_ONCE - len(self._tasks)
        taken = await in_database(partial(errands.take, room, self._clock()), self._writer) if room else []
        for errand in taken:
            task = asyncio.create_task(self._do(errand))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return bool(taken)

    async def _do(self, errand: Errand) -> None:
        kind = KINDS[ErrandKind(errand.kind)]
        try:
            uri = await in_database(partial(kind.asks, errand), self._writer)
            found = await self._fetched(uri) if uri is not None else None
            call = partial(errands.do, errand, kind.does, found, self._clock())
            await in_database(call, self._writer)
        except DownForNow:
            # Its row says when it is due again.
            pass
        except Exception as error:
            # Its text may hold what came from elsewhere, so the kind alone is told.
            fields = {"kind": errand.kind, "id": errand.pk, "error": type(error).__name__}
            log.error("an errand failed", extra={"fields": fields})

    async def _fetched(self, uri: str) -> Found:
        try:
            await in_database(partial(actors.require_open, uri), self._writer)
            return await objects.afetch(uri, max_age=0.0)
        except NotFetched as error:
            return error
