"""Questions that are asked for every activity, made into SQL once.

For a look-up by an index, Django takes many times longer to make its SQL than a database to answer it.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.models import QuerySet

# Numbers that stand for the arguments while the SQL is made: every kind of column that is asked by takes
# them, and no constant is one of them.
_FIRST = 9_100_000_000_000_000_000


class Exists:
    """Whether there is such a row. `rows` is a function of ids, numbers and texts, and makes a queryset in
    which each argument is compared as it is."""

    def __init__(self, rows: Callable[..., QuerySet[Any]]) -> None:
        self._rows = rows
        self._sql = ""
        self._constants: tuple[Any, ...] = ()
        self._places: tuple[int | None, ...] = ()

    def __call__(self, *arguments: int | str) -> bool:
        if not self._sql:
            self._prepare(len(arguments))
        given = [
            constant if place is None else arguments[place]
            for place, constant in zip(self._places, self._constants, strict=True)
        ]
        with connection.cursor() as cursor:
            cursor.execute(self._sql, given)
            return cursor.fetchone() is not None

    def _prepare(self, count: int) -> None:
        marks = [_FIRST + number for number in range(count)]
        sql, constants = self._rows(*marks).query.exists().sql_with_params()
        places = {str(mark): place for place, mark in enumerate(marks)}
        self._constants = tuple(constants)
        self._places = tuple(places.get(str(constant)) for constant in constants)
        if set(places.values()) - set(self._places):
            raise TypeError("an argument is not compared as it is")
        self._sql = sql
