"""When a delivery is tried again, and when no more."""

from datetime import UTC, date, datetime, timedelta

import pytest

from activitypub.protocol.retry import (
    DAYS_TO_GIVE_UP,
    FAILURES_TO_OPEN,
    MAX_ATTEMPTS,
    MAX_RETRY_AFTER,
    OPEN_FOR,
    TRANSITIONS,
    Breaker,
    Event,
    Outcome,
    Standing,
    State,
    delay,
    outcome,
    retry_after,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def opened() -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker = breaker.failed(NOW)
    return breaker


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Outcome.DELIVERED), (202, Outcome.DELIVERED), (204, Outcome.DELIVERED),
        (299, Outcome.DELIVERED),
        (300, Outcome.RETRY), (308, Outcome.RETRY), (101, Outcome.RETRY), (0, Outcome.RETRY),
        (400, Outcome.STOP), (403, Outcome.STOP), (404, Outcome.STOP), (422, Outcome.STOP),
        (499, Outcome.STOP),
        (401, Outcome.RETRY), (408, Outcome.RETRY), (429, Outcome.RETRY), (410, Outcome.GONE),
        (500, Outcome.RETRY), (501, Outcome.STOP), (502, Outcome.RETRY), (503, Outcome.RETRY),
        (599, Outcome.RETRY),
    ],
)  # fmt: skip
def test_a_status_says_whether_it_is_worth_another_try(status: int, expected: Outcome) -> None:
    assert outcome(status) is expected


def test_waiting_grows_with_the_fourth_power_and_ends_after_sixteen_attempts() -> None:
    assert delay(1, 0) == 16 * SECOND
    assert delay(2, 0) == 31 * SECOND
    assert delay(15, 0) == (15**4 + 15) * SECOND
    assert delay(MAX_ATTEMPTS, 0) is None
    assert delay(MAX_ATTEMPTS + 1, 0) is None


def test_jitter_adds_up_to_half_and_never_takes_away() -> None:
    for attempts in range(1, MAX_ATTEMPTS):
        least, most = delay(attempts, 0), delay(attempts, 0.999)
        assert least is not None
        assert most is not None
        assert least < most < 1.5 * least


def test_all_attempts_together_take_about_two_days() -> None:
    waits = [delay(attempts, 0.5) for attempts in range(1, MAX_ATTEMPTS)]
    total = sum((wait for wait in waits if wait is not None), timedelta())
    assert timedelta(days=2) < total < timedelta(days=3)


def test_a_receiver_may_ask_for_longer_and_not_for_shorter() -> None:
    assert delay(1, 0, timedelta(hours=1)) == timedelta(hours=1)
    assert delay(10, 0, SECOND) == (10**4 + 15) * SECOND
    assert delay(MAX_ATTEMPTS, 0, timedelta(hours=1)) is None


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", timedelta()),
        ("120", timedelta(seconds=120)),
        (" 120 ", timedelta(seconds=120)),
        ("9" * 500, MAX_RETRY_AFTER),
        ("Fri, 02 Jan 2026 03:05:05 GMT", timedelta(minutes=1)),
        ("Fri, 02 Jan 2026 03:05:05 -0000", timedelta(minutes=1)),
        ("Fri, 02 Jan 2026 02:00:00 GMT", timedelta()),
        ("Fri, 02 Jan 2099 02:00:00 GMT", MAX_RETRY_AFTER),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_a_day_at_most(value: str, wait: timedelta) -> None:
    assert retry_after(value, NOW) == wait


@pytest.mark.parametrize(
    "value",
    [None, "", "soon", "-1", "1.5", "1e3", "²", "\u0661", "Fri, 99 Jan 2026"],
)
def test_a_retry_after_that_says_nothing_asks_for_nothing(value: str | None) -> None:
    assert retry_after(value, NOW) is None


def test_ten_failures_in_a_row_open_the_breaker_and_one_success_between_does_not() -> None:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker = breaker.failed(NOW)
    assert breaker.ask(NOW) == (breaker, True)
    assert breaker.succeeded().failed(NOW).state is State.CLOSED
    assert breaker.failed(NOW).state is State.OPEN


def test_an_open_breaker_lets_nobody_through_until_a_minute_has_passed() -> None:
    breaker = opened()
    assert breaker.ask(NOW) == (breaker, False)
    assert breaker.ask(NOW + OPEN_FOR - SECOND) == (breaker, False)


def test_then_it_lets_one_through_to_probe_and_the_others_wait() -> None:
    later = NOW + OPEN_FOR
    probing, may = opened().ask(later)
    assert may
    assert probing.state is State.PROBING
    assert probing.ask(later) == (probing, False)


def test_a_probe_that_fails_opens_it_again_for_a_minute() -> None:
    later = NOW + OPEN_FOR
    breaker = opened().ask(later)[0].failed(later + SECOND)
    assert breaker.state is State.OPEN
    assert not breaker.ask(later + OPEN_FOR)[1]
    assert breaker.ask(later + SECOND + OPEN_FOR)[1]


def test_a_probe_that_succeeds_closes_it() -> None:
    assert opened().ask(NOW + OPEN_FOR)[0].succeeded() == Breaker()


def test_a_probe_whose_worker_was_killed_gives_way_to_another() -> None:
    probing, _ = opened().ask(NOW + OPEN_FOR)
    again, may = probing.ask(NOW + 2 * OPEN_FOR)
    assert may
    assert again.state is State.PROBING
    assert not again.ask(NOW + 2 * OPEN_FOR)[1]


def test_what_was_under_way_when_it_opened_does_not_keep_it_open_longer() -> None:
    breaker = opened().failed(NOW + 30 * SECOND)
    assert breaker.ask(NOW + OPEN_FOR)[1]


@pytest.mark.parametrize(("before", "event"), [(state, event) for state in State for event in Event])
def test_the_breaker_does_what_its_table_says(before: State, event: Event) -> None:
    failures = FAILURES_TO_OPEN - 1 if event is Event.LAST_FAILURE else 0
    breaker = Breaker(before, failures, None if before is State.CLOSED else NOW)
    later = NOW + OPEN_FOR
    match event:
        case Event.SUCCESS:
            after = breaker.succeeded()
        case Event.FAILURE | Event.LAST_FAILURE:
            after = breaker.failed(later)
        case Event.TIME:
            after, _ = breaker.ask(later)
    assert after.state is TRANSITIONS.get((before, event), before)


def test_a_host_that_fails_on_seven_days_is_left_alone_until_it_is_heard_of() -> None:
    standing = Standing()
    for day in range(1, DAYS_TO_GIVE_UP):
        standing = standing.failed(date(2026, 1, day)).failed(date(2026, 1, day))
        assert standing.is_available
    standing = standing.failed(date(2026, 3, 1))
    assert not standing.is_available
    assert standing.failed(date(2026, 3, 2)) == standing
    assert standing.heard().is_available
