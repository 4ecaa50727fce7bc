"""Access keys: one's own, and the exchange of one for a token."""

import uuid

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries
from accounts import serializers_access_keys as shapes
from accounts.errors import UnknownAccessKey
from accounts.services import access_keys
from devices import tokens
from devices.api import NativeView, Pages, PublicView, principal, read_body
from devices.idempotency import idempotent
from devices.protocol.device_hash import DeviceHash


class AccessKeysView(NativeView):
    @extend_schema(
        operation_id="access_keys_list",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses=shapes.AccessKeyPage,
    )
    def get(self, request: Request) -> Response:
        """The account's access keys that are in force."""
        pages = Pages()
        page = pages.page_of(queries.access_keys_of(principal(request).account_id), request)
        return pages.get_paginated_response([queries.access_key(device) for device in page])

    @extend_schema(
        operation_id="access_keys_make",
        request=shapes.AccessKeyMaking,
        responses={201: shapes.AccessKeyMade},
    )
    def post(self, request: Request) -> Response:
        """Make an access key. Its secret is in this answer and never told again."""
        body = read_body(shapes.AccessKeyMaking, request)
        made = access_keys.make(
            principal(request),
            password=body["password"],
            name=body["name"],
            scopes=body["scopes"],
            expires_at=body.get("expires_at"),
        )
        answer = {**queries.access_key(made.device), "access_key": made.portable()}
        return Response(answer, status=201, headers={"Cache-Control": "no-store"})


class AccessKeyView(NativeView):
    @extend_schema(operation_id="access_keys_end", responses={204: None})
    @idempotent
    def delete(self, request: Request, id: str) -> Response:
        """End an access key; its tokens end with it, within a second."""
        try:
            key_id = uuid.UUID(id)
        except ValueError:
            raise UnknownAccessKey from None
        access_keys.end(principal(request), key_id)
        return Response(status=204)


class AccessKeyLoginView(PublicView):
    @extend_schema(
        operation_id="sessions_access_key",
        request=shapes.AccessKeyLogin,
        responses=shapes.AccessKeyToken,
    )
    def post(self, request: Request) -> Response:
        """A token of the access key's scopes, for ten minutes or as long as the key lasts."""
        body = read_body(shapes.AccessKeyLogin, request)
        exchanged = access_keys.exchange(body["key_id"], body["secret"])
        account, device = exchanged.account, exchanged.device
        answer = {
            "account": queries.summary(account),
            "device": device.hash,
            "scope": device.scopes,
            "access_token": tokens.issue(
                account_id=str(account.pk),
                username=account.username,
                email="",
                device=DeviceHash(device.hash),
                scope=device.scopes,
                jkt=None,
                seconds=exchanged.seconds,
            ),
            "token_type": "Bearer",
            "expires_in": exchanged.seconds,
        }
        return Response(answer, headers={"Cache-Control": "no-store"})
