"""HTTP of the devices room."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from devices import queries, token_keys
from devices.api import NativeView, Pages, PublicView, flag, principal, read_body
from devices.idempotency import idempotent
from devices.protocol.encoding import b64url
from devices.serializers import JWKS, DevicePage, DeviceView, Renaming
from devices.services import lifecycle


class JWKSView(PublicView):
    @extend_schema(operation_id="jwks", responses=JWKS)
    def get(self, request: Request) -> Response:
        """The public keys that access tokens are signed with (RFC 7517, RFC 8037)."""
        keys = [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": b64url(bytes(key.public)),
                "kid": str(key.id),
                "use": "sig",
                "alg": "EdDSA",
            }
            for key in token_keys.published()
        ]
        return Response({"keys": keys}, headers={"Cache-Control": "public, max-age=60"})


class DeviceListView(NativeView):
    @extend_schema(
        operation_id="devices_list",
        parameters=[
            OpenApiParameter("cursor", str),
            OpenApiParameter("limit", int),
            OpenApiParameter("ended", bool, description="Show ended devices too."),
        ],
        responses=DevicePage,
    )
    def get(self, request: Request) -> Response:
        """The account's devices, apps and access keys included."""
        speaker = principal(request)
        pages = Pages()
        rows = queries.own_devices(speaker.account_id, ended=flag(request, "ended"))
        page = pages.page_of(rows, request)
        return pages.get_paginated_response(queries.described(page, asking=speaker.device))


class DeviceDetailView(NativeView):
    @extend_schema(operation_id="devices_get", responses=DeviceView)
    def get(self, request: Request, device: str) -> Response:
        """One device."""
        speaker = principal(request)
        row = queries.own_device(speaker.account_id, device)
        return Response(queries.described([row], asking=speaker.device)[0])

    @extend_schema(operation_id="devices_rename", request=Renaming, responses=DeviceView)
    @idempotent
    def patch(self, request: Request, device: str) -> Response:
        """Rename a device."""
        speaker = principal(request)
        body = read_body(Renaming, request)
        row = lifecycle.rename(queries.own_device(speaker.account_id, device), body["name"])
        return Response(queries.described([row], asking=speaker.device)[0])
