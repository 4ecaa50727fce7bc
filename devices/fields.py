"""What a field of a request may hold: texts are texts, bytes are canonical base64url."""

import re
import unicodedata
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from devices.protocol.encoding import b64url_decode

_HASH = re.compile(r"[A-Za-z0-9_-]{43}\Z")
# These reorder what stands beside them, and a device's name is read by whoever approves it.
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Text(serializers.CharField):
    """A string; unlike DRF's field it takes no number for one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("Not a string.")
        value: str = super().to_internal_value(data)
        return value


class Exact(Text):
    """A string that is taken as it is, white space included."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)


class Secret(Exact):
    """A password or the like."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(write_only=True, **kwargs)


class Name(Text):
    """One line that is shown to people."""

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in value) or (
            _REORDERING & set(value)
        ):
            raise serializers.ValidationError("Control characters are not allowed.")
        return value


@extend_schema_field({"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"})
class Bytes32(Exact):
    """32 bytes as unpadded base64url; the value is bytes."""

    def to_internal_value(self, data: Any) -> bytes:  # type: ignore[override]
        text = super().to_internal_value(data)
        try:
            raw = b64url_decode(text)
        except ValueError as error:
            raise serializers.ValidationError("Not unpadded base64url.") from error
        if len(raw) != 32:
            raise serializers.ValidationError("Not 32 bytes.")
        return raw


@extend_schema_field({"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"})
class Hash(Exact):
    """A device hash."""

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if not _HASH.match(value):
            raise serializers.ValidationError("Not a device hash.")
        return value
