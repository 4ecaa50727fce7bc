"""Rows that are due, taken by one worker so that no other takes them meanwhile."""

from collections.abc import Callable, Collection
from typing import Final, TypeVar

from django.db import transaction
from django.db.models import QuerySet

from activitypub.models import Errand, Wanted
from activitypub.turns import turn

R = TypeVar("R", Errand, Wanted)

# However many of one host stand before those of others, no more are looked at for one that is taken.
_LOOKED_AT: Final = 256


def take(rows: QuerySet[R], most: int, busy: Collection[str], begin: Callable[[R], bool]) -> list[R]:
    """Take so many of these rows, which are due, the longest due first: of each host one, and none of those
    that are `busy`; of what has no host, as many as there are.

    `begin` says in the row that it was begun and when it is due again, or that it is given up: then it goes.
    """
    if busy:
        rows = rows.exclude(host__in=busy)
    if not rows.exists():
        return []
    with turn(), transaction.atomic():
        taken: list[R] = []
        hosts: set[str] = set()
        for row in rows.select_for_update(skip_locked=True).order_by("due_at")[:_LOOKED_AT]:
            if len(taken) == most:
                break
            if row.host in hosts:
                continue
            if not begin(row):
                row.delete()
                continue
            if row.host:
                hosts.add(row.host)
            taken.append(row)
        rows.model._default_manager.bulk_update(taken, ["attempts", "due_at"])
    return taken
