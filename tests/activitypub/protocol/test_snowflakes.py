"""Ids that sort by time."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from activitypub import ids
from activitypub.protocol.snowflakes import EPOCH, following, moment, snowflake

TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2089, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
BITS = st.integers(0, 2**22 - 1)


@given(TIMES, TIMES, BITS, BITS)
def test_a_later_millisecond_has_a_greater_id_whatever_the_bits(
    one: datetime, other: datetime, bits: int, others: int
) -> None:
    earlier, later = sorted([one, other])
    if later - earlier >= timedelta(milliseconds=1):
        assert snowflake(earlier, bits) < snowflake(later, others)


@given(TIMES, st.integers(0))
def test_an_id_tells_its_millisecond_and_fits_the_column(at: datetime, bits: int) -> None:
    made = snowflake(at, bits)
    assert 0 <= made < 2**63
    assert timedelta() <= at - moment(made) < timedelta(milliseconds=1)


@given(TIMES, BITS, BITS)
def test_the_next_id_is_greater_even_if_the_clock_goes_back(at: datetime, bits: int, others: int) -> None:
    last = snowflake(at, bits)
    assert following(last, at, others) > last
    assert following(last, at - timedelta(days=1), others) == last + 1


def test_what_is_older_than_the_epoch_has_an_id_of_the_first_millisecond() -> None:
    assert moment(snowflake(datetime(1999, 1, 1, tzinfo=UTC), 5)) == EPOCH


def test_ten_thousand_ids_made_at_once_are_all_different_and_in_order() -> None:
    made = [ids.new_id() for _ in range(10_000)]
    assert made == sorted(set(made))
    assert sorted(map(str, made)) == [str(one) for one in made]
