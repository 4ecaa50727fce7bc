"""Shapes of `me/security-log`."""

from typing import Any

from rest_framework import serializers

from audit.events import Event


class SecurityEvent(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    event = serializers.ChoiceField(choices=[str(event) for event in Event])
    device = serializers.CharField(allow_null=True)
    same_network = serializers.BooleanField(allow_null=True)
    details = serializers.DictField()


class SecurityLogPage(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = SecurityEvent(many=True)
