"""Three failed attempts in an hour, then an hour's rest (PROTOCOL §4)."""

from collections.abc import Iterable
from typing import Protocol

HOUR = 3600.0
LIMIT = 3


class Attempts(Protocol):
    """What a device remembers from one exchange to the next, whatever process it runs in.

    `begin` returns only once the attempt is remembered as a failed one, and is called before
    the frame that makes it one is sent: so an abort, a crash or a killed process counts.
    """

    def taken(self, exchange: str) -> bool:
        """Whether this exchange id was ever begun here."""

    def begin(self, exchange: str, now: float) -> None:
        """Remember the attempt, as failed."""

    def succeed(self, exchange: str) -> None:
        """The attempt ended in a delivered key."""

    def resting_until(self, now: float) -> float | None:
        """The end of the hour in which no exchange is begun, or None."""


def resting_until(failures: Iterable[float], now: float) -> float | None:
    """When the hour's rest ends, given the times (Unix seconds) of failed attempts; None if there is none.

    A time in the future, left by a clock that was set back, counts as just now.
    """
    times = sorted(min(time, now) for time in failures)
    thirds = [third for first, third in zip(times, times[LIMIT - 1 :], strict=False) if third - first < HOUR]
    return thirds[-1] + HOUR if thirds and now < thirds[-1] + HOUR else None


class RememberedAttempts:
    """`Attempts` held in memory, for as long as the process lives."""

    def __init__(self) -> None:
        self.begun: dict[str, float] = {}
        self.succeeded: set[str] = set()

    def taken(self, exchange: str) -> bool:
        return exchange in self.begun

    def begin(self, exchange: str, now: float) -> None:
        self.begun[exchange] = now

    def succeed(self, exchange: str) -> None:
        self.succeeded.add(exchange)

    def resting_until(self, now: float) -> float | None:
        return resting_until(
            (at for exchange, at in self.begun.items() if exchange not in self.succeeded), now
        )
