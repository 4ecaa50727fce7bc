"""The Date header (RFC 9110 §5.6.7) and the time in which a signature holds.

Times are Unix seconds.
"""

import re
from datetime import UTC, datetime

from activitypub.protocol.signatures.reasons import Reason, SignatureError

SKEW_SECONDS = 3600
DEFAULT_LIFE_SECONDS = 300
MAX_LIFE_SECONDS = 12 * 3600

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_IMF_FIXDATE = re.compile(
    rf"(?:{'|'.join(_DAYS)}), (\d\d) ({'|'.join(_MONTHS)}) (\d{{4}}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)


def parse_http_date(text: str) -> float:
    """The time of an IMF-fixdate. The day of the week may be wrong, as some senders have it.

    The two obsolete forms are not read: nobody signs with them. Raises SignatureError (date_malformed).
    """
    match = _IMF_FIXDATE.fullmatch(text)
    if match is None:
        raise SignatureError(Reason.DATE_MALFORMED)
    day, month, year, hour, minute, second = match.groups()
    try:
        moment = datetime(
            int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second), tzinfo=UTC
        )
    except ValueError:
        raise SignatureError(Reason.DATE_MALFORMED) from None
    return moment.timestamp()


def http_date(time: float) -> str:
    """`time` as an IMF-fixdate, whatever the locale."""
    moment = datetime.fromtimestamp(time, UTC)
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day:02} {_MONTHS[moment.month - 1]} {moment.year:04} "
        f"{moment.hour:02}:{moment.minute:02}:{moment.second:02} GMT"
    )


def check_window(created: float, expires: float | None, now: float) -> None:
    """Holds a signature to its time, with an hour for clocks that are wrong.

    Without `expires` it ends five minutes after `created`, with it after 12 hours at the latest. Raises
    SignatureError (not_yet_valid, expired).
    """
    if created > now + SKEW_SECONDS:
        raise SignatureError(Reason.NOT_YET_VALID)
    end = created + DEFAULT_LIFE_SECONDS if expires is None else min(expires, created + MAX_LIFE_SECONDS)
    if now > end + SKEW_SECONDS:
        raise SignatureError(Reason.EXPIRED)
