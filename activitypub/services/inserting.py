"""Rows that are written by the thousand: the model's own way takes longer than the database."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models


class Insert:
    """Writes rows of a model, given as values of these columns, whose other columns may be null or have a
    default in the database. With `unless` a row is passed over whose value in that column is known already,
    and no other clash is."""

    def __init__(self, model: type[models.Model], *columns: str, unless: str = "") -> None:
        places = ", ".join(["%s"] * len(columns))
        self._sql = (
            f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - ours
            + (f" ON CONFLICT ({unless}) DO NOTHING" if unless else "")
        )

    def __call__(self, rows: Iterable[Sequence[Any]]) -> int:
        """How many were written, in the caller's transaction. Times go through `moment` before."""
        with connection.cursor() as cursor:
            cursor.executemany(self._sql, list(rows))
            return int(cursor.rowcount)


def moment(at: datetime) -> Any:
    """A time as the database takes it."""
    return connection.ops.adapt_datetimefield_value(at)
