"""The server about itself: instance, health, readiness, the page to read the API."""

from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.openpgp import MAX_KEY_BYTES
from devices.api import PublicView
from devices.parsers import MAX_BODY_BYTES


class Limits(serializers.Serializer[Any]):
    body_bytes = serializers.IntegerField()
    public_key_bytes = serializers.IntegerField()
    frame_bytes = serializers.IntegerField()
    password_characters = serializers.IntegerField()


class Instance(serializers.Serializer[Any]):
    name = serializers.CharField()
    origin = serializers.CharField()
    version = serializers.CharField()
    software = serializers.CharField()
    rules = serializers.ListField(child=serializers.CharField())
    limits = Limits()
    registration = serializers.ChoiceField(choices=("open", "closed", "invite"))


class InstanceView(PublicView):
    @extend_schema(operation_id="instance", responses=Instance)
    def get(self, request: Request) -> Response:
        """Name, rules and limits of this server."""
        return Response(
            {
                "name": settings.HVX_INSTANCE_NAME,
                "origin": settings.HVX_ORIGIN,
                "version": settings.HVX_VERSION,
                "software": "hvx",
                "rules": settings.HVX_INSTANCE_RULES,
                "limits": {
                    "body_bytes": MAX_BODY_BYTES,
                    "public_key_bytes": MAX_KEY_BYTES,
                    "frame_bytes": 64 * 1024,
                    "password_characters": settings.HVX_PASSWORD_CHARACTERS,
                },
                "registration": settings.HVX_REGISTRATION,
            }
        )


def healthz(request: HttpRequest) -> HttpResponse:
    """200 while this process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:
    """200 while the database and the cache answer too; else 503 with the one that does not."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception:
        return JsonResponse({"status": "unavailable", "of": "database"}, status=503)
    try:
        cache.set("readyz", 1, timeout=5)
    except Exception:
        return JsonResponse({"status": "unavailable", "of": "cache"}, status=503)
    return JsonResponse({"status": "ok"})
