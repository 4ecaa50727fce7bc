"""The shapes of the devices calls."""

from typing import Any

from rest_framework import serializers

from devices.fields import Name
from devices.models import DeviceKind, DeviceState, Ending


class DeviceNaming(serializers.Serializer[Any]):
    """How a device introduces itself."""

    name = Name(max_length=64)
    platform = Name(max_length=64, allow_blank=True, default="")


class Renaming(serializers.Serializer[Any]):
    name = Name(max_length=64)


class DeviceView(serializers.Serializer[Any]):
    """A device as its owner sees it."""

    device = serializers.CharField()
    kind = serializers.ChoiceField(choices=DeviceKind.choices)
    state = serializers.ChoiceField(choices=DeviceState.choices)
    name = serializers.CharField()
    platform = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    certified_at = serializers.DateTimeField(allow_null=True)
    last_seen_at = serializers.DateTimeField()
    ended = serializers.ChoiceField(choices=Ending.choices, allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    online = serializers.BooleanField()
    current = serializers.BooleanField()


class DevicePage(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = DeviceView(many=True)


class JWK(serializers.Serializer[Any]):
    kty = serializers.CharField()
    crv = serializers.CharField()
    x = serializers.CharField()
    kid = serializers.CharField()
    use = serializers.CharField()
    alg = serializers.CharField()


class JWKS(serializers.Serializer[Any]):
    keys = JWK(many=True)
