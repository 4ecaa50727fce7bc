"""Finding a sealed value without opening any: `vault.fields.BlindIndexField`."""

import hmac
from collections.abc import Callable
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import Lookup, Transform
from django.db.models.signals import pre_save
from django.dispatch import receiver

from audit.protocol.encoding import lp
from vault import keyring
from vault.typed import TypedField, placeholder


class _Index(bytes):
    """An index that `pre_save` has computed from the source: all that is written."""


class BlindIndexField(TypedField[bytes, bytes]):
    """HMAC-SHA256 of another field's normalised text: finds equal values and tells none.

    32 bytes over LP(table, column, normalised text) under the ring's blind-index key, which
    outlives the rotation of all others. Filled on every save from `source`; a lookup takes
    the plain text, `filter(email_index="a@example.org")`, and knows equality alone.
    `normalise` is a function of a module, since migrations name it.
    """

    _pyi_private_set_type: bytes
    _pyi_private_get_type: bytes
    _pyi_lookup_exact_type: str | bytes

    def __init__(
        self,
        verbose_name: str | None = None,
        *,
        source: str,
        normalise: Callable[[str], str],
        **options: Any,
    ) -> None:
        self.source = source
        self.normalise = normalise
        options.setdefault("editable", False)
        super().__init__(verbose_name, **options)

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        name, path, args, options = super().deconstruct()
        return name, path, args, {**options, "source": self.source, "normalise": self.normalise}

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        self._place = lp(cls._meta.db_table, str(self.column))

    def index(self, text: str) -> bytes:
        """Return the 32 bytes under which this text is found."""
        key = keyring.active(keyring.BLIND_INDEX)
        # Text that is no Unicode must find nothing when a stranger asks for it, not fail.
        normal = self.normalise(text).encode("utf-8", "surrogatepass")
        return hmac.digest(key.material, self._place + lp(normal), "sha256")

    def get_internal_type(self) -> str:
        return "BinaryField"

    def pre_save(self, model_instance: models.Model, add: bool) -> _Index | None:
        text = getattr(model_instance, self.source)
        index = None if text is None else self.index(text)
        setattr(model_instance, self.attname, index)
        return None if index is None else _Index(index)

    def get_prep_value(self, value: object) -> bytes | None:
        if value is None or isinstance(value, bytes):
            return value
        if isinstance(value, str):
            return self.index(value)
        raise TypeError(f"{self.name} is looked up by str or bytes, not {type(value).__name__}")

    def get_db_prep_value(
        self, value: object, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        index = self.get_prep_value(value)
        return None if index is None else bytes(index)

    def get_db_prep_save(self, value: object, connection: BaseDatabaseWrapper) -> Any:
        if value is not None and not isinstance(value, _Index):
            raise TypeError(f"{self.name} follows {self.source}: assign that and save the instance")
        return self.get_db_prep_value(value, connection, prepared=True)

    def get_placeholder(self, value: object, compiler: object, connection: BaseDatabaseWrapper) -> str:
        return placeholder(self, compiler, connection)

    def get_lookup(self, lookup: str) -> "type[Lookup[Any]] | None":
        return super().get_lookup(lookup) if lookup in ("exact", "in", "isnull") else None

    def get_transform(self, lookup_name: str) -> type[Transform] | None:
        return None


@receiver(pre_save)
def _save_index_and_source_together(
    sender: type[models.Model], update_fields: frozenset[str] | None = None, **kwargs: Any
) -> None:
    """Refuse a partial save after which an index would find another value than its source."""
    if update_fields is None:
        return
    for field in sender._meta.concrete_fields:
        if isinstance(field, BlindIndexField):
            saved = field.name in update_fields
            if saved != (field.source in update_fields):
                raise ValueError(f"save {field.source} and {field.name} together")
