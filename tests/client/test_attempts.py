"""Three failed attempts in an hour, then an hour's rest."""

import pytest

from client.protocol.attempts import HOUR, RememberedAttempts, resting_until

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("minutes_ago", "rest"),
    [
        ([], None),
        ([1, 2], None),
        ([1, 2, 3], 59),
        ([59, 58, 0], 60),
        ([61, 2, 1], None),
        ([90, 80, 70], None),
        ([90, 80, 55], 5),
        ([5, 4, 3, 2], 58),
        ([-10, -10, -10], 60),
    ],
)
def test_the_rest_lasts_an_hour_from_the_third_failure_within_an_hour(
    minutes_ago: list[float], rest: float | None
) -> None:
    until = resting_until([NOW - 60 * ago for ago in minutes_ago], NOW)
    assert until == (None if rest is None else NOW + 60 * rest)


def test_an_attempt_counts_as_failed_until_it_has_succeeded() -> None:
    attempts = RememberedAttempts()
    for exchange in ("one", "two", "three"):
        attempts.begin(exchange, NOW)
    assert attempts.resting_until(NOW) == NOW + HOUR
    attempts.succeed("two")
    assert attempts.resting_until(NOW) is None
    assert attempts.taken("two")
    assert not attempts.taken("four")
