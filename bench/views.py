"""One view twice: for anybody, and for a device with a full token. Neither reads a table. And one that says
what federation has left to do."""

from rest_framework.request import Request
from rest_framework.response import Response

from activitypub.models import Delivery, Received
from devices.api import NativeView, PublicView


class OpenView(PublicView):
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})


class TokenView(NativeView):
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})


class WaitingView(PublicView):
    def get(self, request: Request) -> Response:
        return Response(Received.objects.filter(outcome="").count() + Delivery.objects.count())
