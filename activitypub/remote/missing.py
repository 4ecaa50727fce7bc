"""Actors of whom their server said that they are gone, or that it knows nothing of them: not asked for again
for a while.

The whole fediverse names people who have left, and every name would be a request. Whoever comes back is
found when the time is over, or at once by who asks for what is fresh.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from cachetools import TLRUCache

from activitypub.fetching.errors import Gone, NotFound

GONE_SECONDS: Final = 3600.0
# A name that is not known may be somebody's a moment later.
UNKNOWN_SECONDS: Final = 300.0
MOST: Final = 10_000

Answer = Gone | NotFound


def _ends(uri: str, answer: Answer, now: float) -> float:
    return now + (GONE_SECONDS if isinstance(answer, Gone) else UNKNOWN_SECONDS)


def memory(clock: Callable[[], float] = time.monotonic) -> TLRUCache[str, Answer]:
    """Room for what is remembered; by a clock of seconds that only ever goes forward."""
    return TLRUCache(MOST, _ends, clock)


_missing = memory()
_guarding = threading.Lock()


def note(uri: str, answer: Answer) -> None:
    """This was answered when the actor with this id was asked for."""
    with _guarding:
        # In the place of an earlier one, with its own time.
        _missing.pop(uri, None)
        _missing[uri] = answer.again()


def require_not(uri: str) -> None:
    """Raises Gone or NotFound for an actor of whom that was said a while ago."""
    with _guarding:
        answer = _missing.get(uri)
    if answer is not None:
        raise answer.again()


def found(uri: str) -> None:
    """The actor is there."""
    with _guarding:
        _missing.pop(uri, None)


def forget() -> None:
    """Drop what is remembered: for tests."""
    with _guarding:
        _missing.clear()
