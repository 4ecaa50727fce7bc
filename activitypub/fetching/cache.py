"""What was fetched a moment ago, the failures too, bounded in number of bytes and in age.

Kept are bytes, not what was read from them: a document in memory takes several times its text.
"""

import contextlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from cachetools import TLRUCache

from activitypub.fetching.errors import NotFetched
from activitypub.fetching.fetch import Fetched

KEPT_SECONDS = 300.0
# Long enough that a flood of activities about one missing document asks for it once.
FAILURE_KEPT_SECONDS = 30.0
MAX_BYTES = 16 * 1024 * 1024
# What an entry takes beside its body.
_OVERHEAD_BYTES = 1024

Outcome = Fetched | NotFetched


@dataclass(frozen=True)
class _Kept:
    since: float
    outcome: Outcome


class Cache:
    """Outcomes by key, used in one loop. `clock` gives seconds and only ever goes forward."""

    def __init__(self, clock: Callable[[], float], *, max_bytes: int = MAX_BYTES) -> None:
        self._clock = clock
        self._kept: TLRUCache[Hashable, _Kept] = TLRUCache(
            maxsize=max_bytes, ttu=_ends, timer=clock, getsizeof=_size
        )

    def get(self, key: Hashable, max_age: float) -> Outcome | None:
        """What is known under a key, if it was learned less than `max_age` seconds ago."""
        kept: _Kept | None = self._kept.get(key)
        return kept.outcome if kept is not None and self._clock() - kept.since < max_age else None

    def put(self, key: Hashable, outcome: Outcome) -> None:
        """Keep an outcome in the place of an earlier one; of one that has no room, nothing."""
        self._kept.pop(key, None)
        with contextlib.suppress(ValueError):
            self._kept[key] = _Kept(self._clock(), outcome)


def _ends(key: Hashable, kept: _Kept, now: float) -> float:
    return now + (KEPT_SECONDS if isinstance(kept.outcome, Fetched) else FAILURE_KEPT_SECONDS)


def _size(kept: _Kept) -> int:
    return _OVERHEAD_BYTES + (len(kept.outcome.body) if isinstance(kept.outcome, Fetched) else 0)
