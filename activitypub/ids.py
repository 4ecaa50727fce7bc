"""Ids of rows, which sort by the time at which they were made."""

import secrets
import threading
from datetime import UTC, datetime

from activitypub.protocol import snowflakes

_last = 0
_drawing = threading.Lock()


def new_id() -> int:
    """Return an id that is greater than every other one that this process has made.

    Of several processes two make the same one only if both begin a millisecond by the same of four
    million numbers; the table's key refuses the second.
    """
    global _last
    with _drawing:
        _last = snowflakes.following(_last, datetime.now(UTC), secrets.randbits(snowflakes.LOW_BITS))
        return _last
