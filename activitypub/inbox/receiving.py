"""One writer a process: all that waits is written in one transaction, and answered once that is on the disk.

A commit takes as long for one row as for a hundred, so while one is under way the next ones gather.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.utils import timezone

from activitypub.errors import ActorGone, HostSuspended, UnknownActor
from activitypub.services.receiving import Arrival, Verdict, keep
from activitypub.threads import in_database
from audit.errors import Problem
from devices.batches import Batches

_REFUSALS: Mapping[Verdict, Callable[[], Problem]] = {
    Verdict.HOST_SUSPENDED: HostSuspended,
    Verdict.RECIPIENT_UNKNOWN: UnknownActor,
    Verdict.RECIPIENT_GONE: ActorGone,
}


class Receiving:
    """Keeps arrivals of one loop in the order in which they come."""

    def __init__(self) -> None:
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="inbox")
        self._batches = Batches(self._write)

    async def keep(self, arrival: Arrival) -> None:
        """Returns once it is on the disk, as it also is if it came before.

        Raises HostSuspended, UnknownActor, ActorGone, and errors of the database: nothing is kept then.
        """
        verdict = await self._batches(arrival)
        if verdict is not None and verdict is not Verdict.KEPT:
            raise _REFUSALS[verdict]()

    async def _write(self, arrivals: Sequence[Arrival]) -> Mapping[Arrival, Verdict]:
        return await in_database(partial(keep, arrivals, timezone.now()), self._writer)
