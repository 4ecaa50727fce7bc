"""What is to be done by the clock, as a page shows it."""

from collections.abc import Sequence

from activitypub.admin.base import Table
from activitypub.queries.errands import Waiting


def table(found: Sequence[Waiting]) -> Table:
    """Kind by kind."""
    return Table(
        "Errands",
        ("Kind", "Waiting", "Due", "Next", "Begun, at most"),
        [(one.kind, one.waiting, one.due, one.next_at, one.attempts) for one in found],
        "Nothing is to be done.",
    )
