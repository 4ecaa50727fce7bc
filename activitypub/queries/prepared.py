"""Questions that are asked for every activity, made into SQL once.

For a look-up by an index, Django takes many times longer to make its SQL than a database to answer it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Self

from django.db import connection
from django.db.models import QuerySet

# Numbers that stand for the arguments while the SQL is made: every kind of column that is asked by takes
# them, and no constant is one of them.
_FIRST = 9_100_000_000_000_000_000
# A question about some texts is made for so many, and the last text fills what is left.
_SIZES: Final = (2, 8, 32, 128, 512)


class Exists:
    """Whether there is such a row. `rows` is a function of ids, numbers and texts, and makes a queryset in
    which each argument is compared as it is."""

    def __init__(self, rows: Callable[..., QuerySet[Any]]) -> None:
        self._rows = rows
        self._statement: _Statement | None = None

    def __call__(self, *arguments: int | str) -> bool:
        if self._statement is None:
            marks = _marks(len(arguments))
            self._statement = _Statement.of(self._rows(*marks).query.exists(), marks)
        with connection.cursor() as cursor:
            cursor.execute(self._statement.sql, self._statement.filled(arguments))
            return cursor.fetchone() is not None


class Among:
    """What a column holds in the rows that some texts lead to. `rows` is a function of a list of texts, and
    makes a queryset of that column alone, in which the list is compared as it is."""

    def __init__(self, rows: Callable[[list[Any]], QuerySet[Any, Any]]) -> None:
        self._rows = rows
        self._statements: dict[int, _Statement] = {}

    def __call__(self, texts: Iterable[str]) -> set[Any]:
        found: set[Any] = set()
        rest = iter(texts)
        while part := list(islice(rest, _SIZES[-1])):
            size = next(size for size in _SIZES if size >= len(part))
            statement = self._statements.get(size)
            if statement is None:
                marks = _marks(size)
                statement = self._statements[size] = _Statement.of(self._rows(marks).query, marks)
            part += part[-1:] * (size - len(part))
            with connection.cursor() as cursor:
                cursor.execute(statement.sql, statement.filled(part))
                found.update(row[0] for row in cursor.fetchall())
        return found


@dataclass(frozen=True, slots=True)
class _Statement:
    """SQL, the constants in it, and which of them are places of arguments."""

    sql: str
    constants: tuple[Any, ...]
    places: tuple[int | None, ...]

    @classmethod
    def of(cls, query: Any, marks: Sequence[int]) -> Self:
        sql, constants = query.sql_with_params()
        places = {str(mark): place for place, mark in enumerate(marks)}
        found = tuple(places.get(str(constant)) for constant in constants)
        if set(places.values()) - set(found):
            raise TypeError("an argument is not compared as it is")
        return cls(sql, tuple(constants), found)

    def filled(self, arguments: Sequence[int | str]) -> list[Any]:
        return [
            constant if place is None else arguments[place]
            for place, constant in zip(self.places, self.constants, strict=True)
        ]


def _marks(count: int) -> list[int]:
    return [_FIRST + number for number in range(count)]
