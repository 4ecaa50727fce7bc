"""How far down a page has to look among what many people did, so that it costs the same however much that is.

A database that is asked for the newest of what all of them wrote goes through all of it. An index knows where
the newest of each begins.
"""

from typing import Any, Final

from django.db.models import F, OuterRef, QuerySet, Subquery

from activitypub.models import Actor

# Of how many rows of each the place is looked for: one of many people, as many of one, and between the two.
_EACH: Final = (1, 12, 144)
MANY: Final = 144


def down_to(rows: QuerySet[Any], whose: str, people: QuerySet[Actor], *, above: int, before: int) -> int:
    """An id between the two, from which on there are MANY rows by these people or not many times more; or the
    first one above, if there are not. `whose` is the column of a row that says by whom it is."""
    for each in _EACH:
        own = rows.filter(**{whose: OuterRef("pk")}, pk__gt=above, pk__lt=before).order_by("-pk")
        nth = people.annotate(nth=Subquery(own.values("pk")[each - 1 : each]))
        ordered = nth.order_by(F("nth").desc(nulls_last=True)).values_list("nth", flat=True)
        # So many people have so many each from here on, so nobody's older ones are looked at again.
        found = ordered[MANY // each - 1 : MANY // each].first()
        above = found - 1 if found else above
    return above + 1
