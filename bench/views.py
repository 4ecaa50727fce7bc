"""One view twice: for anybody, and for a device with a full token. Neither reads a table."""

from rest_framework.request import Request
from rest_framework.response import Response

from devices.api import NativeView, PublicView


class OpenView(PublicView):
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})


class TokenView(NativeView):
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})
