"""What is to be done by the clock, and how much of it is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, Q

from activitypub.models import Errand


@dataclass(frozen=True)
class Waiting:
    """Errands of one kind: how many wait, `due` of them now, the next at `next_at`. `attempts` is how often,
    at most, one of them was begun since it last got on."""

    kind: str
    waiting: int
    due: int
    next_at: datetime
    attempts: int


def waiting(now: datetime, host: str | None = None, *, most: int | None = None) -> Sequence[Waiting]:
    """All that wait, kind by kind; with `host` those about what is there, with `most` so many at most."""
    rows = Errand.objects.all() if host is None else Errand.objects.filter(host=host)
    if most is not None:
        rows = Errand.objects.filter(pk__in=rows.values("pk")[:most])
    counted = rows.values("kind").annotate(
        waiting=Count("pk"),
        due=Count("pk", filter=Q(due_at__lte=now)),
        next_at=Min("due_at"),
        attempts=Max("attempts"),
    )
    return [Waiting(**row) for row in counted.order_by("kind")]
