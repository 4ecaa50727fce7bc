"""How each host is asked: how many questions at once, after what pause, and by which signature scheme.

A host that hangs, fails, or wants to be left in peace keeps nobody from asking another one. What is known is
of one loop, and bounded.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from weakref import WeakValueDictionary

from cachetools import LRUCache

from activitypub.fetching.errors import DownForNow, Reason

AT_ONCE: Final = 256
# For hosts of which it is not known that they answer: those that do always have the other places.
AT_ONCE_IN_DOUBT: Final = 128
# Of one whose last question failed it is one.
AT_ONCE_FROM_A_HOST: Final = 6

# In a row, of a host that has answered before. One that never has is left alone after the first.
FAILURES_TO_REST: Final = 5
REST_SECONDS: Final = 30.0
# A rest is twice as long after each question that fails between two.
LONGEST_REST_SECONDS: Final = 1800.0
# A host may ask for so much at most: it may be one page of it that does, and keys are fetched there too.
MOST_PATIENCE: Final = timedelta(hours=1)

MOST_HOSTS: Final = 10_000


@dataclass(slots=True)
class _Known:
    answered: bool = False
    failures: int = 0
    not_before: float = 0.0


class Manners:
    """What is known of hosts, `host[:port]`. `clock` gives seconds and only ever goes forward."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: LRUCache[str, _Known] = LRUCache(MOST_HOSTS)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._in_doubt = asyncio.Semaphore(AT_ONCE_IN_DOUBT)
        self._alone: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._several: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def place(self, host: str) -> AsyncIterator[None]:
        """Wait for a place among those who ask this host, and have it.

        Raises DownForNow (left_alone) while the host is resting, before and after the wait.
        """
        self._require_awake(host)
        async with contextlib.AsyncExitStack() as held:
            alone = _lane(self._alone, host, 1)
            await alone.acquire()
            if self._has_failed(host):
                held.callback(alone.release)
            else:
                alone.release()
            # Of what all share nothing is held by who waits for one host.
            await held.enter_async_context(_lane(self._several, host, AT_ONCE_FROM_A_HOST))
            if not self._is_well(host):
                await held.enter_async_context(self._in_doubt)
            await held.enter_async_context(self._places)
            self._require_awake(host)
            yield

    def answered(self, host: str, *, well: bool, patience: timedelta | None = None) -> None:
        """It has answered. `well` is whether that was no sign of its being down; `patience` for how long it
        asks to be left alone."""
        known = self._of(host)
        known.answered = True
        if well:
            known.failures = 0
        else:
            self._fail(known)
        if patience is not None:
            rest = min(patience, MOST_PATIENCE).total_seconds()
            known.not_before = max(known.not_before, self._clock() + rest)

    def silent(self, host: str) -> None:
        """It was asked and gave no answer."""
        self._fail(self._of(host))

    def _fail(self, known: _Known) -> None:
        if self._clock() < known.not_before:
            # It was under way when the rest began.
            return
        known.failures += 1
        rests = known.failures - (FAILURES_TO_REST if known.answered else 1)
        if rests >= 0:
            rest = min(REST_SECONDS * 2.0 ** min(rests, 10), LONGEST_REST_SECONDS)
            known.not_before = self._clock() + rest

    def _has_failed(self, host: str) -> bool:
        known = self._known.get(host)
        return known is not None and known.failures > 0

    def _is_well(self, host: str) -> bool:
        known = self._known.get(host)
        return known is not None and known.answered and not known.failures

    def _require_awake(self, host: str) -> None:
        known = self._known.get(host)
        if known is not None and self._clock() < known.not_before:
            raise DownForNow(Reason.LEFT_ALONE, host)

    def _of(self, host: str) -> _Known:
        known = self._known.get(host)
        if known is None:
            known = self._known[host] = _Known()
        return known


def _lane(lanes: WeakValueDictionary[str, asyncio.Semaphore], host: str, places: int) -> asyncio.Semaphore:
    lane = lanes.get(host)
    if lane is None:
        lane = lanes[host] = asyncio.Semaphore(places)
    return lane
