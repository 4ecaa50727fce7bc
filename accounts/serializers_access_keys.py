"""The shapes of the calls about access keys."""

import uuid
from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.serializers import AccountSummary, Password
from accounts.services.access_keys import FORMAT, LONGEST_LIFE
from devices.fields import Bytes32, Exact, Name

SCOPES = ("files:read", "files:write", "social:read", "social:write")


class Moment(serializers.DateTimeField):
    """A time of RFC 3339 to come, at most 366 days away."""

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str):
            raise serializers.ValidationError("Not a string.")
        when: datetime = super().to_internal_value(value)
        now = timezone.now()
        if not now < when <= now + LONGEST_LIFE:
            raise serializers.ValidationError("Not within the next 366 days.")
        return when


@extend_schema_field({"type": "string", "format": "uuid"})
class KeyId(Exact):
    """A UUID as it is told: lower-case, 36 characters."""

    def to_internal_value(self, data: Any) -> uuid.UUID:  # type: ignore[override]
        text = super().to_internal_value(data)
        try:
            read = uuid.UUID(text)
        except ValueError:
            read = None
        if read is None or str(read) != text:
            raise serializers.ValidationError("Not a lower-case UUID.")
        return read


class AccessKeyMaking(serializers.Serializer[Any]):
    """Without `expires_at` the key lasts 365 days."""

    name = Name(max_length=64)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPES), min_length=1, max_length=len(SCOPES)
    )
    expires_at = Moment(required=False)
    password = Password()

    def validate_scopes(self, value: list[str]) -> list[str]:
        return [scope for scope in SCOPES if scope in value]


class AccessKeyView(serializers.Serializer[Any]):
    """An access key as its owner sees it; the secret is shown once, when it is made."""

    key_id = serializers.UUIDField()
    device = serializers.CharField()
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=SCOPES))
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()


class AccessKeyPage(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = AccessKeyView(many=True)


class PortableAccessKey(serializers.Serializer[Any]):
    """What the holder keeps, and what `hvx --access-key FILE` reads."""

    type = serializers.ChoiceField(choices=(FORMAT,))
    origin = serializers.CharField()
    account = serializers.CharField()
    key_id = serializers.UUIDField()
    secret = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=SCOPES))
    expires_at = serializers.DateTimeField()


class AccessKeyMade(AccessKeyView):
    access_key = PortableAccessKey()


class AccessKeyLogin(serializers.Serializer[Any]):
    key_id = KeyId()
    secret = Bytes32()


class AccessKeyToken(serializers.Serializer[Any]):
    """`scope` is the scopes joined by spaces, as it stands in the token."""

    account = AccountSummary()
    device = serializers.CharField()
    scope = serializers.CharField()
    access_token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=("Bearer",))
    expires_in = serializers.IntegerField()
