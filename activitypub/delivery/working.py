"""The worker that delivers: claims what is due, has it attempted, and writes down what came of it.

A delivery is there until the answer to it is written down, so none is lost, whenever this process dies.
Between the inbox's answer and that moment are the few milliseconds of one transaction; what was under way
then is sent again, the same to the byte, and the receiver knows its `id`. That is never more than there are
places (lanes.py), since each is kept until its answer is written down.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from activitypub.delivery.attempting import Sender
from activitypub.delivery.jobs import Attempt, Fault, Job
from activitypub.delivery.lanes import Lanes
from activitypub.delivery.posting import SECONDS
from activitypub.delivery.signing import SignedPost
from activitypub.protocol.retry import Outcome
from activitypub.remote import session
from activitypub.services import claims, outcomes
from activitypub.tasks import Tasks
from activitypub.threads import OneThread

log = logging.getLogger("activitypub.delivery")
T = TypeVar("T")

HELD: Final = 4096
CLAIM_AT_ONCE: Final = 256
SIGN_AT_ONCE: Final = 16
SLOW_SECONDS: Final = 5.0
# Other machines' deliveries, and those whose time has come, are looked for so often.
POLL_SECONDS: Final = 1.0
# Between two claims: long enough for several jobs to end, so that one claim fetches for all of them.
CLAIM_EVERY_SECONDS: Final = 0.01
PAUSE_AFTER_ERROR: Final = 1.0
# What is under way when the worker is to end has so long to be answered.
GRACE_SECONDS: Final = 4.0
# A job begins only if both its knocks will have been answered before anybody else may take it.
_LATEST_BEGIN: Final = timedelta(seconds=2 * SECONDS + 20)


class Worker:
    """One worker, in one loop. `alone` is whether no other works on this database: then what one that was
    killed had claimed is anybody's at once. `told` hears what attempts came to, and how many did."""

    def __init__(
        self,
        *,
        alone: bool,
        clock: Callable[[], datetime] = timezone.now,
        told: Callable[[Outcome, int], object] = lambda *_: None,
    ) -> None:
        self._alone = alone
        self._told = told
        self._clock = clock
        self._lanes = Lanes()
        self._claims = claims.Claims()
        self._left_out: set[str] = set()
        self._more = False
        self._look = asyncio.Event()
        self._begins_soon = False
        self._tasks = Tasks(lambda error: log.error("a delivery was not attempted", exc_info=error))
        self._unended: list[Job] = []
        self._attempts: list[Attempt] = []
        self._pulled: list[Job] = []
        self._attempted = asyncio.Event()
        self._ending = False
        self._thread = OneThread("delivery")
        # Two sign: RSA lets the interpreter go meanwhile.
        self._signers = ThreadPoolExecutor(2, thread_name_prefix="signing")

    def wake(self) -> None:
        """There may be something new. In the worker's loop."""
        self._look.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; then end what is under way, and give back what has not begun.

        Raises what claiming fails by, if that is not the database's being away.
        """
        async with session.open_way() as way:
            self._sender = Sender(
                way, self._signers, plain_http=settings.HVX_FEDERATION_ALLOW_PRIVATE, clock=self._clock
            )
            settling = asyncio.create_task(self._settle_for_ever())
            claiming = asyncio.create_task(self._claim_for_ever())
            stopping = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait({stopping, claiming}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                claiming.cancel()
                [ended] = await asyncio.gather(claiming, return_exceptions=True)
                await self._end()
                await settling
                left = [*self._lanes.empty(), *self._unended]
                await self._in_database(partial(self._claims.give_back, left))
                await self._thread.close()
                self._signers.shutdown()
        if isinstance(ended, Exception):
            raise ended

    # --- claiming ----------------------------------------------------------------------------

    async def _claim_for_ever(self) -> None:
        if self._alone:
            await self._in_database(claims.release_all)
        while True:
            self._look.clear()
            self._more = not self._has_room() or await self._claim()
            if not self._more or not self._has_room():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._look.wait(), POLL_SECONDS)
            await asyncio.sleep(CLAIM_EVERY_SECONDS)

    def _has_room(self) -> bool:
        return self._lanes.held + CLAIM_AT_ONCE <= HELD

    async def _claim(self) -> bool:
        """Claim what is due; whether there may be more."""
        take = partial(
            self._claims.take,
            CLAIM_AT_ONCE,
            self._clock(),
            # Asked in another thread: at worst it is a few more or less than there are.
            room=self._lanes.room,
            full=self._lanes.full(),
        )
        claimed = await self._in_database(take)
        for job in claimed.jobs:
            self._lanes.add(job)
        self._left_out = self._lanes.full()
        self._begin_soon()
        return claimed.more

    # --- attempting --------------------------------------------------------------------------

    def _begin_soon(self) -> None:
        """Of all that ends in one turn of the loop, what comes next is signed together."""
        if not self._begins_soon and not self._ending:
            self._begins_soon = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._begins_soon = False
        if self._ending:
            return
        latest = self._clock() + _LATEST_BEGIN
        jobs = []
        for job in self._lanes.take():
            if job.until < latest:
                # Anybody's again in a moment, and fresh then.
                self._lanes.forget(job)
            else:
                jobs.append(job)
        for first in range(0, len(jobs), SIGN_AT_ONCE):
            self._tasks.start(self._sign(jobs[first : first + SIGN_AT_ONCE]))

    async def _sign(self, jobs: list[Job]) -> None:
        try:
            signed = await self._sender.sign(jobs)
        except BaseException:
            for job in jobs:
                self._lanes.forget(job)
            self._unended += jobs
            raise
        for job, post in zip(jobs, signed, strict=True):
            self._tasks.start(self._attempt(job, post))

    async def _attempt(self, job: Job, post: SignedPost | Fault) -> None:
        try:
            began = time.monotonic()
            attempt = await self._sender.attempt(job, post)
        except BaseException:
            self._lanes.forget(job)
            self._unended.append(job)
            raise
        answered = attempt.outcome is not Outcome.RETRY
        # One that answers slowly takes as few places as one that may not answer.
        self._lanes.done(job, answered=answered and time.monotonic() - began < SLOW_SECONDS)
        if not answered:
            # They are claimed again once this is written down: past the breaker, if it lets them.
            self._pulled += self._lanes.pull(job.host, job.inbox)
        self._attempts.append(attempt)
        # Its place is another's only when nobody would send it again.
        self._lanes.unwritten += 1
        self._attempted.set()
        if self._more or (job.host in self._left_out and not self._lanes.is_full(job.host)):
            self._look.set()
        self._begin_soon()

    # --- writing down ------------------------------------------------------------------------

    async def _settle_for_ever(self) -> None:
        """One transaction after the other, each for all that has ended during the one before."""
        while not self._ending or self._tasks or self._attempts:
            await self._attempted.wait()
            self._attempted.clear()
            attempts, self._attempts = self._attempts, []
            pulled, self._pulled = self._pulled, []
            if attempts:
                await self._settle(attempts)
                for outcome, times in Counter(one.outcome for one in attempts).items():
                    self._told(outcome, times)
                self._lanes.unwritten -= len(attempts)
                self._begin_soon()
            if pulled:
                await self._in_database(partial(self._claims.give_back, pulled))
                self._look.set()

    async def _settle(self, attempts: Sequence[Attempt]) -> None:
        try:
            await self._in_database(partial(outcomes.settle, attempts, self._clock()))
        except Exception:
            if len(attempts) == 1:
                # Its claim runs out, and then it is attempted again.
                log.exception("what came of a delivery was not written down")
                return
            # One of them takes none of the others along.
            for attempt in attempts:
                await self._settle([attempt])

    async def _end(self) -> None:
        self._ending = True
        await self._tasks.all(GRACE_SECONDS)
        await self._tasks.cancel()
        self._attempted.set()

    async def _in_database(self, call: Callable[[], T]) -> T:
        """Have it done in the one thread that asks the database, again and again while that is away."""
        while True:
            try:
                return await self._thread(call)
            except (OperationalError, InterfaceError):
                log.exception("the database did not take what deliveries have to tell")
                await asyncio.sleep(PAUSE_AFTER_ERROR)
