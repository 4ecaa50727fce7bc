"""One writer a process: all that waits is written in one transaction, and answered once that is on the disk.

A commit takes as long for one row as for a hundred, so while one is under way the next ones gather.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from django.utils import timezone

from activitypub.errors import ActorGone, HostSuspended, UnknownActor
from activitypub.services.receiving import Arrival, Verdict, keep
from activitypub.threads import OneThread
from activitypub.turns import Turn
from audit.errors import Problem
from devices.batches import Batches

# Where several came at once more are on their way: the turn to write is kept for them a moment longer.
MOMENT = 0.02
# After so long those who work through what came in have it once, and are given the time to wake up.
LONGEST = 0.5
TO_WAKE_UP = 0.002

_REFUSALS: Mapping[Verdict, Callable[[], Problem]] = {
    Verdict.HOST_SUSPENDED: HostSuspended,
    Verdict.RECIPIENT_UNKNOWN: UnknownActor,
    Verdict.RECIPIENT_GONE: ActorGone,
}


class Receiving:
    """Keeps arrivals of one loop in the order in which they come."""

    def __init__(self) -> None:
        self._in_database = OneThread("inbox")
        self._batches = Batches(self._write)
        self._inside = 0
        self._turn = Turn()
        self._giving: asyncio.TimerHandle | None = None

    async def keep(self, arrival: Arrival) -> None:
        """Returns once it is on the disk, as it also is if it came before.

        Raises HostSuspended, UnknownActor, ActorGone, and errors of the database: nothing is kept then.
        """
        self._inside += 1
        try:
            verdict = await self._batches(arrival)
        finally:
            self._inside -= 1
        if verdict is not None and verdict is not Verdict.KEPT:
            raise _REFUSALS[verdict]()

    async def close(self) -> None:
        """Let go of the database, once nothing comes in any more."""
        self._give()
        await self._in_database.close()

    async def _write(self, arrivals: Sequence[Arrival]) -> Mapping[Arrival, Verdict]:
        if self._giving is not None:
            self._giving.cancel()
        try:
            verdicts = await self._in_database(partial(self._in_turn, arrivals))
        except BaseException:
            self._give()
            raise
        if self._turn.seconds > LONGEST:
            self._give()
            await asyncio.sleep(TO_WAKE_UP)
        elif self._inside > 1:
            self._giving = asyncio.get_running_loop().call_later(MOMENT, self._give)
        else:
            self._give()
        return verdicts

    def _in_turn(self, arrivals: Sequence[Arrival]) -> Mapping[Arrival, Verdict]:
        self._turn.take()
        return keep(arrivals, timezone.now())

    def _give(self) -> None:
        if self._giving is not None:
            self._giving.cancel()
            self._giving = None
        self._turn.give()
