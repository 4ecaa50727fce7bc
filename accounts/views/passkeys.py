"""Passkeys: one's own, and logging in with one."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries, serializers_passkeys, throttle
from accounts.errors import UnknownPasskey
from accounts.serializers import LoginAnswer
from accounts.serializers_passkeys import (
    PasskeyAdding,
    PasskeyLogin,
    PasskeyOptions,
    PasskeyPage,
    assertion_of,
    creation_of,
)
from accounts.services import passkeys
from accounts.views.sessions import login_answer
from devices.api import NativeView, Pages, PublicView, principal, proof, read_body
from devices.authentication import ProofAuthentication
from devices.idempotency import idempotent


def _options(options: dict[str, Any]) -> Response:
    return Response({"options": options, "expires_in": passkeys.SECONDS})


class PasskeysView(NativeView):
    @extend_schema(
        operation_id="passkeys_list",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses=PasskeyPage,
    )
    def get(self, request: Request) -> Response:
        """The account's passkeys."""
        pages = Pages()
        page = pages.page_of(queries.passkeys_of(principal(request).account_id), request)
        return pages.get_paginated_response([queries.passkey(row) for row in page])

    @extend_schema(
        operation_id="passkeys_add",
        request=PasskeyAdding,
        responses={200: PasskeyOptions, 201: serializers_passkeys.PasskeyView},
    )
    def post(self, request: Request) -> Response:
        """`{password}`: creation options. `{name, credential}`: the passkey that answers them."""
        body = read_body(PasskeyAdding, request)
        if "password" in body:
            return _options(passkeys.begin_adding(principal(request), body["password"]))
        return self._add(request)

    @idempotent
    def _add(self, request: Request) -> Response:
        body = read_body(PasskeyAdding, request)
        row = passkeys.add(
            principal(request),
            creation_of(body["credential"]),
            name=body["name"],
            transports=body["credential"]["response"].get("transports", []),
        )
        return Response(queries.passkey(row), status=201)


class PasskeyView(NativeView):
    @extend_schema(operation_id="passkeys_remove", responses={204: None})
    @idempotent
    def delete(self, request: Request, id: str) -> Response:
        """Remove a passkey. The password remains, so this shuts nobody out."""
        try:
            passkey = uuid.UUID(id)
        except ValueError:
            raise UnknownPasskey from None
        passkeys.remove(principal(request), passkey)
        return Response(status=204)


class PasskeyLoginOptionsView(PublicView):
    authentication_classes = (ProofAuthentication,)

    @extend_schema(operation_id="sessions_passkey_options", request=None, responses=PasskeyOptions)
    def post(self, request: Request) -> Response:
        """Request options for this device key. They name no account."""
        throttle.asked_by_network()
        return _options(passkeys.begin_login(proof(request).key))


class PasskeyLoginView(PublicView):
    authentication_classes = (ProofAuthentication,)

    @extend_schema(operation_id="sessions_passkey", request=PasskeyLogin, responses=LoginAnswer)
    def post(self, request: Request) -> Response:
        """Log in with a passkey; ends where a password login does."""
        body = read_body(PasskeyLogin, request)
        signed_in = passkeys.log_in(
            assertion_of(body["credential"]),
            device_key=proof(request).key,
            name=body["device"]["name"],
            platform=body["device"]["platform"],
        )
        return Response(login_answer(signed_in, token_type=body["token_type"]))
