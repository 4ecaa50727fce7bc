"""Model fields whose values stand sealed in the database, and the index that finds them."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal, NoReturn, SupportsIndex, TypeVar, overload
from uuid import UUID

from cryptography.exceptions import InvalidTag
from django.core import checks
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.fields import NOT_PROVIDED
from django.db.models.lookups import Lookup, Transform
from django.db.models.query_utils import DeferredAttribute

from audit.protocol.encoding import lp
from vault import keyring
from vault.blind_index import BlindIndexField
from vault.envelope import CIPHERTEXT, HEADER, NONCE, VERSION, EnvelopeKey
from vault.errors import CannotOpen
from vault.typed import TypedField, placeholder

__all__ = ["BlindIndexField", "SealedField", "SealedValue"]

_VERSION = VERSION[0]
_ST = TypeVar("_ST", contravariant=True)
_GT = TypeVar("_GT", covariant=True)


class SealedValue:
    """What an instance holds of a sealed field that was assigned. Shows nothing of itself; pickled sealed."""

    __slots__ = ("field", "plain", "row")

    def __init__(self, field: "SealedField[Any, Any]", row: object, plain: str | bytes) -> None:
        self.field = field
        self.row = row
        self.plain = plain

    def __repr__(self) -> str:
        return "<SealedValue>"

    def __copy__(self) -> "SealedValue":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "SealedValue":
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        return _loaded, (self.field.seal(self.row, self.plain), self.row)


def _loaded(envelope: bytes, row: object) -> tuple[bytes, object]:
    """Return what an instance holds of a sealed field that was loaded.

    The row stands with it, so that it still opens when its instance has been given another.
    """
    return envelope, row


class _Sealed(bytes):
    """An envelope that `pre_save` has made for the row being written: all that is let through."""


class _FromDatabase(bytes):
    """An envelope of a binary field's, told apart from bytes that are assigned."""


def _from_database(value: bytes | None, expression: object, connection: object) -> _FromDatabase | None:
    return None if value is None else _FromDatabase(value)


class _SealedAttribute(DeferredAttribute):
    """Opens at each reading; keeps plaintext out of the instance's `__dict__` and so out of pickles.

    The `__dict__` has None, a SealedValue, or what `_loaded` returns.
    """

    field: "SealedField[Any, Any]"

    # A list of rows passes here twice a row: so little is made, nothing is looked up twice, and the way of
    # nearly every value, whose key is held and whose row has a UUID, is gone without a call of ours.

    def __init__(self, field: "SealedField[Any, Any]") -> None:
        super().__init__(field)
        self._attname = field.attname
        # Known once the model is whole.
        self._row_attname = ""
        # No text is bytes, so those of a text field need no mark of the database's.
        self._loaded = _FromDatabase if field.binary else bytes

    def __get__(self, instance: models.Model | None, cls: type[models.Model] | None = None) -> Any:
        held: Any = None if instance is None else instance.__dict__.get(self._attname)
        if held is None:
            # The class itself, None, or what was not loaded and now is.
            held = super().__get__(instance, cls)
        if held.__class__ is tuple:
            envelope, row = held
            opening = keyring._ring.of_fields.get(envelope[HEADER])
            if opening is not None and row.__class__ is UUID:
                decrypt, prefix = opening
                field = self.field
                context = field._place_of_uuid + row.int.to_bytes(16)
                try:
                    raw = decrypt(envelope[NONCE], envelope[CIPHERTEXT], prefix + context)
                    return raw if field.binary else raw.decode()
                except (InvalidTag, ValueError):
                    # Below it is told in words that quote nothing of it.
                    pass
            if row is None:
                # A child of a multi-table parent, loaded without the parent's own key column.
                row = getattr(instance, self.field.row_attname)
            return self.field.open(row, envelope)
        return held.plain if held.__class__ is SealedValue else held

    def __set__(self, instance: models.Model, value: Any) -> None:
        stored = instance.__dict__
        if not self._row_attname:
            self._row_attname = self.field.row_attname
        if value.__class__ is self._loaded and value and value[0] == _VERSION:
            stored[self._attname] = value, stored.get(self._row_attname)
        elif value is None:
            stored[self._attname] = None
        elif value.__class__ is self._loaded:
            # Altered in the database, or text that a program has encoded: nothing of it is kept.
            if self._attname in stored and not self.field.binary:
                self.field.checked(value)
            stored[self._attname] = b"", stored.get(self._row_attname)
        else:
            field = self.field
            stored[self._attname] = SealedValue(field, stored.get(self._row_attname), field.checked(value))


class SealedField(TypedField[_ST, _GT]):
    """Text, or bytes where `binary`, that stands sealed in the database.

    The column holds `vault.envelope` bytes under the ring's key for fields, bound to table,
    column and row; each save seals anew, with the newest key. Reading the attribute opens
    it, each time, and raises CannotOpen when it was altered or moved. `.values()` gives envelopes.

    The row's key must be known before it is saved (a UUID, not a number that the database
    gives). Nothing can be looked up by it but whether it is null: see BlindIndexField. It
    is written by saving an instance or by `bulk_create`, and refused (TypeError) anywhere
    a plain value would go straight into SQL, `update`, `bulk_update`, expressions, and where
    the row that keeps it is another: `bulk_create(update_conflicts=True)`.
    Renaming its table or column changes what values are bound to, so needs resealing.
    """

    descriptor_class = _SealedAttribute
    # A missing value is null; an empty column could never be an envelope.
    empty_strings_allowed = False

    @overload
    def __init__(
        self: "SealedField[str, str]",
        verbose_name: str | None = ...,
        *,
        binary: Literal[False] = ...,
        null: Literal[False] = ...,
        blank: bool = ...,
        default: str | Callable[[], str] | type[NOT_PROVIDED] = ...,
        **options: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: "SealedField[str | None, str | None]",
        verbose_name: str | None = ...,
        *,
        binary: Literal[False] = ...,
        null: Literal[True],
        blank: bool = ...,
        default: str | Callable[[], str] | type[NOT_PROVIDED] | None = ...,
        **options: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: "SealedField[bytes, bytes]",
        verbose_name: str | None = ...,
        *,
        binary: Literal[True],
        null: Literal[False] = ...,
        blank: bool = ...,
        default: bytes | Callable[[], bytes] | type[NOT_PROVIDED] = ...,
        **options: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: "SealedField[bytes | None, bytes | None]",
        verbose_name: str | None = ...,
        *,
        binary: Literal[True],
        null: Literal[True],
        blank: bool = ...,
        default: bytes | Callable[[], bytes] | type[NOT_PROVIDED] | None = ...,
        **options: Any,
    ) -> None: ...
    def __init__(self, verbose_name: str | None = None, *, binary: bool = False, **options: Any) -> None:
        refused = {"primary_key", "unique", "db_index", "db_default", "choices"} & options.keys()
        if refused:
            raise TypeError(f"a sealed field cannot have {', '.join(sorted(refused))}")
        self.binary = binary
        super().__init__(verbose_name, **options)

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        name, path, args, options = super().deconstruct()
        if self.binary:
            options["binary"] = True
        return name, path, args, options

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        # A copy of another model's field has that model's.
        self.__dict__.pop("row_attname", None)
        self._place = lp(cls._meta.db_table, str(self.column))
        self._place_of_uuid = self._place + (16).to_bytes(4, "big")

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        pk = self.model._meta.pk
        problems = super().check(**kwargs)
        if isinstance(pk, models.AutoField | models.BigAutoField | models.SmallAutoField) or (
            pk.model is self.model and pk.creation_counter > self.creation_counter
        ):
            hint = "Declare a UUIDField primary key above it."
            problems.append(
                checks.Error("A sealed field needs its row's key first.", hint, self, "vault.E002")
            )
        return problems

    # --- between instance and envelope
    # Python's own errors of encoding carry the whole text, so they are not let out, nor raised from.

    @cached_property
    def row_attname(self) -> str:
        return self.model._meta.pk.attname

    def seal(self, row: object, plain: str | bytes) -> bytes:
        """Return the envelope of a value for one row."""
        try:
            raw = plain.encode() if isinstance(plain, str) else plain
        except UnicodeEncodeError:
            raw = None
        if raw is None:
            raise ValueError("text to be sealed is not valid Unicode")
        return keyring.active(keyring.FIELDS).seal(self._context(row), raw)

    def open(self, row: object, envelope: bytes) -> str | bytes:
        """Return the value of one row's envelope, or raise CannotOpen."""
        raw = keyring.named_by(keyring.FIELDS, envelope).open(self._context(row), envelope)
        try:
            return raw if self.binary else raw.decode()
        except UnicodeDecodeError:
            pass
        raise CannotOpen("a sealed value is not text")

    def reseal(self, row: object, envelope: bytes, key: EnvelopeKey) -> bytes:
        """Return the envelope under another key of what is in this one, or raise CannotOpen."""
        context = self._context(row)
        return key.seal(context, keyring.named_by(keyring.FIELDS, envelope).open(context, envelope))

    def _context(self, row: object) -> bytes:
        if row.__class__ is UUID:
            return self._place_of_uuid + row.int.to_bytes(16)
        if row is None:
            raise ValueError(f"{self.name}: the row's key must be set before a value is sealed")
        key = self.model._meta.pk.to_python(row)
        return self._context(key) if isinstance(key, UUID) else self._place + lp(str(key))

    def checked(self, value: object) -> str | bytes:
        """Return the value if it is of this field's type, and never show it if it is not."""
        if self.binary and isinstance(value, bytes):
            return value
        if not self.binary and isinstance(value, str):
            return value
        wanted = "bytes" if self.binary else "str"
        raise TypeError(f"{self.name} takes {wanted}, not {type(value).__name__}")

    # --- between instance and database

    def get_internal_type(self) -> str:
        return "BinaryField"

    def get_db_converters(self, connection: BaseDatabaseWrapper) -> list[Any]:
        return [_from_database] if self.binary else []

    def pre_save(self, model_instance: models.Model, add: bool) -> _Sealed | None:
        plain = getattr(model_instance, self.attname)
        if plain is None:
            return None
        return _Sealed(self.seal(getattr(model_instance, self.row_attname), plain))

    def get_db_prep_value(
        self, value: object, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        if value is None:
            return None
        if not isinstance(value, _Sealed):
            raise TypeError(f"{self.name} is sealed: assign it to an instance and save that")
        return bytes(value)

    def get_db_prep_save(self, value: object, connection: BaseDatabaseWrapper) -> Any:
        return self.get_db_prep_value(value, connection)

    def get_placeholder(self, value: object, compiler: object, connection: BaseDatabaseWrapper) -> str:
        return placeholder(self, compiler, connection)

    def get_lookup(self, lookup: str) -> "type[Lookup[Any]] | None":
        return super().get_lookup(lookup) if lookup == "isnull" else None

    def get_transform(self, lookup_name: str) -> type[Transform] | None:
        return None

    def value_to_string(self, obj: models.Model) -> NoReturn:
        raise TypeError(f"{self.name} is sealed: it is not written into fixtures")
