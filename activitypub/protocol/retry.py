"""When a delivery is tried again, and when no more.

Waiting grows as the fourth power of the attempts: from 16 seconds to half a day, two days in all. A breaker
stands before each inbox, so that one that fails costs one attempt a minute and not one for each delivery;
a host that fails on seven days is left alone until it speaks again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

MAX_ATTEMPTS: Final = 16
MAX_RETRY_AFTER: Final = timedelta(days=1)

FAILURES_TO_OPEN: Final = 10
OPEN_FOR: Final = timedelta(seconds=60)
DAYS_TO_GIVE_UP: Final = 7

_TRIED_AGAIN: Final = frozenset({401, 408, 429})


class Outcome(StrEnum):
    """What one attempt came to."""

    DELIVERED = "delivered"
    RETRY = "retry"
    STOP = "stop"
    GONE = "gone"


def outcome(status: int) -> Outcome:
    """Return what a status says of the delivery. GONE ends the inbox, not only this delivery.

    A redirect of a POST is not followed, but its cause may pass; so it is tried again.
    """
    if 200 <= status < 300:
        return Outcome.DELIVERED
    if status == 410:
        return Outcome.GONE
    if status == 501 or (400 <= status < 500 and status not in _TRIED_AGAIN):
        return Outcome.STOP
    return Outcome.RETRY


def delay(attempts: int, jitter: float, retry_after: timedelta | None = None) -> timedelta | None:
    """Return how long to wait after so many attempts, or None if that was the last one.

    n⁴ + 15 seconds, and up to half as much again by `jitter`, which is drawn from [0, 1); never less than
    the receiver asked for.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    wait = timedelta(seconds=(attempts**4 + 15) * (1 + jitter / 2))
    return wait if retry_after is None else max(wait, retry_after)


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Return what a `Retry-After` header asks for, a day at most (RFC 9110 §10.2.3); None if nothing."""
    value = (value or "").strip()
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=int(value[:9])), MAX_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta()), MAX_RETRY_AFTER)


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


class Event(StrEnum):
    SUCCESS = "success"
    FAILURE = "failure"
    LAST_FAILURE = "the tenth failure in a row"
    TIME = "60 s since it opened or the probe began"


# What is not listed changes nothing: what was under way when the breaker opened may still end either way.
TRANSITIONS: Final[Mapping[tuple[State, Event], State]] = {
    (State.CLOSED, Event.LAST_FAILURE): State.OPEN,
    (State.OPEN, Event.TIME): State.PROBING,
    (State.OPEN, Event.SUCCESS): State.CLOSED,
    (State.PROBING, Event.SUCCESS): State.CLOSED,
    (State.PROBING, Event.FAILURE): State.OPEN,
    (State.PROBING, Event.LAST_FAILURE): State.OPEN,
    # A probe whose worker was killed never ends: another one takes its place.
    (State.PROBING, Event.TIME): State.PROBING,
}


@dataclass(frozen=True, slots=True)
class Breaker:
    """Before one inbox: closed lets everything through, open nothing, probing the one who asked first."""

    state: State = State.CLOSED
    failures: int = 0
    opened_at: datetime | None = None

    def ask(self, now: datetime) -> tuple["Breaker", bool]:
        """Return the breaker after somebody asked to deliver, and whether they may."""
        if self.state is State.CLOSED:
            return self, True
        if self.opened_at is None or now < self.opened_at + OPEN_FOR:
            return self, False
        return replace(self, state=TRANSITIONS[self.state, Event.TIME], opened_at=now), True

    def succeeded(self) -> "Breaker":
        return Breaker()

    def failed(self, now: datetime) -> "Breaker":
        failures = self.failures + 1
        event = Event.LAST_FAILURE if failures >= FAILURES_TO_OPEN else Event.FAILURE
        state = TRANSITIONS.get((self.state, event), self.state)
        opens = state is State.OPEN and self.state is not State.OPEN
        return Breaker(state, failures, now if opens else self.opened_at)


@dataclass(frozen=True, slots=True)
class Standing:
    """On which days a host has failed since it last answered or spoke."""

    days: frozenset[date] = frozenset()

    @property
    def is_available(self) -> bool:
        return len(self.days) < DAYS_TO_GIVE_UP

    def failed(self, day: date) -> "Standing":
        return self if not self.is_available else Standing(self.days | {day})

    def heard(self) -> "Standing":
        return Standing()
