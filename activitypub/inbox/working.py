"""The worker that works through what came in: each actor's activities in their order, once each.

What an activity needs from other servers is fetched with no transaction open; meanwhile those of other
actors go on. What cannot be had for now steps aside, and is tried again later.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.utils import timezone

from activitypub.fetching.cache import KEPT_SECONDS
from activitypub.fetching.errors import DownForNow, NotFetched, Reason, Refused
from activitypub.inbox.context import Needs
from activitypub.inbox.line import Job, Line
from activitypub.protocol.documents.reading import Document
from activitypub.remote import actors, objects
from activitypub.services import working
from activitypub.services.working import Ended
from activitypub.tasks import Tasks
from activitypub.threads import OneThread

log = logging.getLogger("activitypub.inbox")

# In one transaction: a commit costs as much as an activity, and others write too.
AT_ONCE: Final = 32
READ_AT_ONCE: Final = 256
# Other processes' inboxes, and what is due again, are looked for so often.
POLL_SECONDS: Final = 1.0
# For whom another worker is at work, that one is nearly done.
ELSEWHERE_SECONDS: Final = 0.1
PAUSE_AFTER_ERROR: Final = 1.0
# So many documents one activity may ask for, one after the other.
MOST_ROUNDS: Final = 8


class Worker:
    """One worker, in one loop."""

    def __init__(self, *, clock: Callable[[], datetime] = timezone.now) -> None:
        self._clock = clock
        self._line = Line()
        self._read_to = 0
        self._at_once = AT_ONCE
        self._fetched: dict[int, dict[str, Document | NotFetched | None]] = {}
        self._look = asyncio.Event()
        self._ending = False
        self._tasks = Tasks()
        self._in_database = OneThread("working")

    def wake(self) -> None:
        """There may be something new. In the worker's loop."""
        self._look.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then end the transaction that is under way."""
        working_ = asyncio.create_task(self._work_for_ever())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working_, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            self._ending = True
            self._look.set()
            await self._tasks.cancel()
            try:
                await working_
            finally:
                await self._in_database.close()

    async def drain(self) -> None:
        """Work until nothing is left that can be done now. Instead of `run`, not beside it."""
        try:
            while await self._round() or self._tasks:
                await self._tasks.one()
        finally:
            await self._in_database.close()

    async def _work_for_ever(self) -> None:
        while not self._ending:
            self._look.clear()
            try:
                worked = await self._round()
            except Exception:
                log.exception("the database did not take what came in")
                await asyncio.sleep(PAUSE_AFTER_ERROR)
                # What was out when it failed waits in its rows.
                await self._drop_all()
                continue
            if not worked and not self._ending:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._look.wait(), POLL_SECONDS)

    async def _round(self) -> bool:
        """One transaction's worth; whether there may be more at once."""
        jobs = self._line.take(self._at_once)
        if not jobs:
            more = await self._read_on()
            jobs = self._line.take(self._at_once)
            if not jobs:
                return more
        fetched = {job.id: self._fetched[job.id] for job in jobs if job.id in self._fetched}
        ended = await self._in_database(partial(working.work, jobs, fetched, self._clock()))
        self._settle(jobs, ended)
        # As many as a transaction has time for, and some more: what is held is read for nothing.
        begun = sum(what not in (Ended.HELD, Ended.ELSEWHERE) for what in ended.values())
        if begun:
            self._at_once = min(AT_ONCE, 2 * begun)
        return True

    async def _read_on(self) -> bool:
        """Take in what waits, from where the last reading ended; whether it goes on there."""
        if not self._line.has_room:
            return False
        if self._read_to == 0:
            self._line.begin()
            self._line.add(await self._in_database(partial(working.due, self._clock(), READ_AT_ONCE)))
        jobs = await self._in_database(partial(working.fresh, self._read_to, READ_AT_ONCE))
        self._line.add(jobs)
        # Begun anew at the end: what another process has written meanwhile may have a smaller id.
        self._read_to = jobs[-1].id if len(jobs) == READ_AT_ONCE else 0
        return self._read_to != 0

    def _settle(self, jobs: Sequence[Job], ended: Mapping[int, Ended | Needs]) -> None:
        # Of an actor at most one needs something: those behind it are held.
        of_actor: dict[str, list[Job]] = {}
        for job in jobs:
            of_actor.setdefault(job.actor, []).append(job)
        for actor, own in of_actor.items():
            gone = [job.id for job in own if ended[job.id] in (Ended.DONE, Ended.LATER)]
            for id_ in gone:
                self._fetched.pop(id_, None)
            needs = [(job, need) for job in own if isinstance(need := ended[job.id], Needs)]
            elsewhere = ended[own[0].id] is Ended.ELSEWHERE
            self._line.settle(actor, gone, turn=not needs and not elsewhere)
            if elsewhere:
                self._tasks.start(self._come_again(actor))
            for job, need in needs:
                self._tasks.start(self._fetch(job, need))

    async def _come_again(self, actor: str) -> None:
        await asyncio.sleep(ELSEWHERE_SECONDS)
        self._line.settle(actor, (), turn=True)
        self._look.set()

    # --- fetching ----------------------------------------------------------------------------

    async def _fetch(self, job: Job, need: Needs) -> None:
        had = self._fetched.setdefault(job.id, {})
        if need.uri in had or len(had) >= MOST_ROUNDS:
            # Whoever stands there has another id; or one leads to the next without end.
            had[need.uri] = Refused(Reason.NO_ACTOR if need.uri in had else Reason.TOO_MANY_REDIRECTS)
        else:
            had[need.uri] = await self._have(need)
        self._line.settle(job.actor, (), turn=True)
        self._look.set()

    async def _have(self, need: Needs) -> Document | NotFetched | None:
        # Who asks waits for a place there, no longer than for a document, and holds none meanwhile.
        try:
            if need.actor:
                max_age = timedelta() if need.fresh else actors.MAX_AGE
                await actors.aresolve(need.uri, max_age=max_age)
                return None
            return await objects.afetch(need.uri, max_age=0.0 if need.fresh else KEPT_SECONDS)
        except NotFetched as error:
            return error
        except Exception:
            log.exception("what an activity needs was not fetched")
            return DownForNow(Reason.TRY_LATER)

    async def _drop_all(self) -> None:
        await self._tasks.cancel()
        self._line, self._read_to = Line(), 0
        self._fetched.clear()


async def run(stop: asyncio.Event) -> None:
    """A worker of this process's own, until `stop` is set. It looks once a second; who wants it woken makes
    a Worker."""
    await Worker().run(stop)
