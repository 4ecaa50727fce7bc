"""Django's Field with the type arguments that its stubs know and its class does not."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.constants import OnConflict

if TYPE_CHECKING:
    TypedField = models.Field
else:

    class TypedField(models.Field):
        def __class_getitem__(cls, _: object) -> type:
            return cls


def placeholder(field: "models.Field[Any, Any]", compiler: Any, connection: BaseDatabaseWrapper) -> str:
    """Return the place of a field's value in SQL. Raises TypeError where the row that keeps it is another.

    `bulk_create(update_conflicts=True)` may put what was made for the row that it was given into one
    that was there before.
    """
    query = compiler.query
    if getattr(query, "on_conflict", None) is OnConflict.UPDATE and field in query.update_fields:
        raise TypeError(f"{field.name} is made for one row: save the instance, or leave it as it stands")
    return "%s"
