"""The Date header, and how long a signature holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.protocol.signatures.dates import check_window, http_date, parse_http_date
from activitypub.protocol.signatures.reasons import Reason, SignatureError

FIRST, LAST = 0, 253402300799  # the end of the year 9999


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sun, 05 Jan 2014 21:31:40",
        "Sun, 05 Jan 2014 21:31:40 CET",
        "Sun, 5 Jan 2014 21:31:40 GMT",
        "Sun, 31 Feb 2014 21:31:40 GMT",
        "Sun, 05 Jan 2014 24:31:40 GMT",
        "Sun, 05 Jan 2014 21:31:40 GMT\n",
        "Sun, 05 Jan 2014 21:31:40 GMT, Sun, 05 Jan 2014 21:31:40 GMT",
        "Sun, \u0660\u0665 Jan 2014 21:31:40 GMT",
        "Sunday, 05-Jan-14 21:31:40 GMT",
        "Sun Jan  5 21:31:40 2014",
        "2014-01-05T21:31:40Z",
    ],
)
def test_what_is_no_http_date_is_refused(text: str) -> None:
    with pytest.raises(SignatureError, match="date_malformed"):
        parse_http_date(text)


def test_a_wrong_day_of_the_week_changes_nothing() -> None:
    sunday, thursday = ("Sun, 05 Jan 2014 21:31:40 GMT", "Thu, 05 Jan 2014 21:31:40 GMT")
    assert parse_http_date(sunday) == parse_http_date(thursday) == 1388957500.0
    assert http_date(1388957500.0) == sunday


@given(st.integers(FIRST, LAST))
def test_a_time_comes_back_from_its_http_date(time: int) -> None:
    assert parse_http_date(http_date(time)) == time


@pytest.mark.parametrize(
    ("created", "expires", "reason"),
    [
        (3601.0, None, Reason.NOT_YET_VALID),
        (3601.0, 9999.0, Reason.NOT_YET_VALID),
        (-3901.0, None, Reason.EXPIRED),
        (-100.0, -3601.0, Reason.EXPIRED),
        (-13 * 3600.0 - 1, 9e9, Reason.EXPIRED),
        (float(10**15), None, Reason.NOT_YET_VALID),
        (-float(10**15), None, Reason.EXPIRED),
    ],
)
def test_a_signature_outside_its_time_is_refused(
    created: float, expires: float | None, reason: Reason
) -> None:
    with pytest.raises(SignatureError) as refused:
        check_window(created, expires, 0.0)
    assert refused.value.reason is reason


@given(st.floats(-3900, 3600), st.none() | st.floats(-3600, 1e9))
def test_a_signature_inside_its_time_is_taken(created: float, expires: float | None) -> None:
    check_window(created, expires, 0.0)
