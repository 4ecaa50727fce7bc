"""Two who write at once: how the database says so of what one of them did, which may be done once more."""

from typing import Final

from django.db import IntegrityError, OperationalError

# What the one who does it again has to expect.
CONFLICTS: Final = (OperationalError, IntegrityError)
# How PostgreSQL says that two waited for each other, and one had to give way.
_GIVEN_WAY: Final = frozenset({"40001", "40P01"})


def is_of_two(error: Exception) -> bool:
    """Whether this comes of two who write at once: they wait for each other, or have written the same, or one
    has deleted what the other refers to."""
    return isinstance(error, IntegrityError) or getattr(error.__cause__, "sqlstate", "") in _GIVEN_WAY
