"""Django's Field with the type arguments that its stubs know and its class does not."""

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    TypedField = models.Field
else:

    class TypedField(models.Field):
        def __class_getitem__(cls, _: object) -> type:
            return cls
