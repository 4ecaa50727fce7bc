"""Ids that sort by time: 64-bit numbers that begin with the millisecond in which they were made.

    0 | 41 bits: milliseconds since 2020-01-01 UTC | 22 bits: what tells those of one millisecond apart

They fit a signed 64-bit column until 2089. Clients take an id for text and sort it by length, then by
letter; that is the same order, since all ids of this century have 18 or 19 digits but the first year's.
"""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
LOW_BITS = 22
_LOW_MASK = (1 << LOW_BITS) - 1
_MILLISECOND = timedelta(milliseconds=1)


def snowflake(at: datetime, bits: int) -> int:
    """Return the id of a moment. `bits` are 22 of chance, or of a count; those beyond are dropped.

    What is older than 2020 gets the id of the first millisecond.
    """
    milliseconds = max(0, (at - EPOCH) // _MILLISECOND)
    return milliseconds << LOW_BITS | bits & _LOW_MASK


def following(last: int, at: datetime, bits: int) -> int:
    """Return an id for this moment that is greater than the last one, so that no two are equal."""
    return max(last + 1, snowflake(at, bits))


def moment(snowflake: int) -> datetime:
    """Return the millisecond in which an id was made."""
    return EPOCH + (snowflake >> LOW_BITS) * _MILLISECOND
