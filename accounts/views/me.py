"""One's own account, and what the public sees of any."""

from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import openpgp, queries, throttle
from accounts.errors import SecretInvalid, SecretMissing
from accounts.serializers import (
    AccountSecret,
    KeyChange,
    KeyChanged,
    OwnAccount,
    OwnAccountChange,
    PasswordAgain,
    PasswordChange,
    PasswordChanged,
    PasswordReset,
    PasswordResetChallenge,
    PublicAccount,
    PublicDevicePage,
)
from accounts.services import account_key, credentials, erasure, export, profile
from devices import queries as device_queries
from devices.api import NativeView, PublicPages, PublicView, principal, read_body
from devices.authentication import ProvenTokenAuthentication
from devices.idempotency import idempotent
from devices.parsers import JSONRenderer
from devices.protocol.encoding import b64url
from devices.services.challenges import CHALLENGE_LIFETIME

MAX_SECRET_CHARACTERS = 16 * 1024


class MeView(NativeView):
    def get_authenticators(self) -> list[BaseAuthentication]:
        # There is no request while the OpenAPI document is made.
        if getattr(self.request, "method", None) == "DELETE":
            return [ProvenTokenAuthentication()]
        return super().get_authenticators()

    @extend_schema(operation_id="me_get", responses=OwnAccount)
    def get(self, request: Request) -> Response:
        """One's own account."""
        return Response(queries.own(queries.of(principal(request))))

    @extend_schema(operation_id="me_change", request=OwnAccountChange, responses=OwnAccount)
    @idempotent
    def patch(self, request: Request) -> Response:
        """Change the e-mail address."""
        speaker = principal(request)
        account = queries.of(speaker)
        body = read_body(OwnAccountChange, request)
        if "email" in body:
            with throttle.email_taken_answers(str(account.pk)):
                account = profile.change_email(speaker, body["email"])
        return Response(queries.own(account))

    @extend_schema(
        operation_id="me_erase",
        request=PasswordAgain,
        responses={204: None},
        auth=[{"token": [], "proof": []}],  # type: ignore[list-item]
    )
    def delete(self, request: Request) -> Response:
        """Erase the account: everything, at once and for ever. The body holds the password."""
        erasure.erase(principal(request), read_body(PasswordAgain, request)["password"])
        return Response(status=204)


class ArchiveRenderer(JSONRenderer):
    """A ZIP file as it is; a refusal as JSON."""

    media_type = "application/zip"
    format = "zip"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Any = None,
    ) -> bytes:
        return data if isinstance(data, bytes) else super().render(data)


class ExportView(NativeView):
    authentication_classes = (ProvenTokenAuthentication,)
    renderer_classes = (ArchiveRenderer,)

    @extend_schema(
        operation_id="me_export",
        request=PasswordAgain,
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def post(self, request: Request) -> Response:
        """Everything that the server holds of the account, as a ZIP file of JSON and a README."""
        speaker = principal(request)
        archive = export.export(speaker, read_body(PasswordAgain, request)["password"])
        name = f"{speaker.username}@{settings.HVX_HOST}".replace(":", "_")
        return Response(
            archive,
            headers={
                "Content-Disposition": f'attachment; filename="{name}.zip"',
                "Cache-Control": "no-store",
            },
        )


class PasswordView(NativeView):
    authentication_classes = (ProvenTokenAuthentication,)

    @extend_schema(operation_id="me_password", request=PasswordChange, responses=PasswordChanged)
    def post(self, request: Request) -> Response:
        """Change the password. No device ends by it; the others are named, to be revoked."""
        speaker = principal(request)
        body = read_body(PasswordChange, request)
        credentials.change_password(speaker, body["password"], body["new_password"])
        others = [
            device
            for device in device_queries.shown_at_login(speaker.account_id)
            if device["device"] != speaker.device
        ]
        warnings = ["other_devices_stay_signed_in"] if others else []
        if queries.passkeys_of(speaker.account_id).exists():
            warnings.append("passkeys_stay")
        if queries.access_keys_of(speaker.account_id).exists():
            warnings.append("access_keys_stay")
        return Response({"warnings": warnings, "devices": others})


class KeyView(NativeView):
    authentication_classes = (ProvenTokenAuthentication,)

    @extend_schema(operation_id="me_key", request=KeyChange, responses=KeyChanged)
    def post(self, request: Request) -> Response:
        """Replace the account key; devices that are not certified anew become pending."""
        body = read_body(KeyChange, request)
        account, pending = account_key.replace_key(
            principal(request),
            password=body["password"],
            public_key=body["public_key"],
            challenge=body["challenge"],
            transition=body["transition"],
            certificates={one["device"]: one["certificate"] for one in body["devices"]},
        )
        return Response({"fingerprint": account.fingerprint, "pending": pending})


class SecretView(NativeView):
    @extend_schema(operation_id="me_secret_get", responses=AccountSecret)
    def get(self, request: Request) -> Response:
        """The account secret, encrypted to the account key."""
        account = queries.of(principal(request))
        if not account.secret:
            raise SecretMissing
        return Response({"message": account.secret})

    @extend_schema(operation_id="me_secret_put", request=AccountSecret, responses={204: None})
    @idempotent
    def put(self, request: Request) -> Response:
        """Store the account secret: one OpenPGP message that only the account key opens."""
        message = read_body(AccountSecret, request)["message"]
        speaker = principal(request)
        account = queries.of(speaker)
        if not openpgp.is_encrypted_message(message, to=queries.key_of(account), most=MAX_SECRET_CHARACTERS):
            raise SecretInvalid
        profile.keep_secret(speaker, message)
        return Response(status=204)


class PasswordResetView(PublicView):
    @extend_schema(
        operation_id="password_reset",
        request=PasswordReset,
        responses={202: PasswordResetChallenge, 204: None},
    )
    def post(self, request: Request) -> Response:
        """`{login}`: a challenge, for anybody alike. With `challenge`, `statement` and
        `password`: a new password, by the account key's signature."""
        body = read_body(PasswordReset, request)
        if "statement" in body:
            with throttle.refused_resets():
                credentials.reset_password(
                    body["login"],
                    challenge=body["challenge"],
                    statement=body["statement"],
                    password=body["password"],
                )
            return Response(status=204)
        throttle.reset_asked()
        challenge = credentials.ask_password_reset(body["login"])
        return Response(
            {
                "challenge": b64url(challenge),
                "expires_in": int(CHALLENGE_LIFETIME.total_seconds()),
            },
            status=202,
        )


class PublicAccountView(PublicView):
    @extend_schema(operation_id="accounts_get", responses=PublicAccount)
    def get(self, request: Request, username: str) -> Response:
        """An account's OpenPGP public key, and every change of it."""
        return Response(queries.public(queries.by_username(username)))


class PublicDevicesView(PublicView):
    @extend_schema(
        operation_id="accounts_devices",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses=PublicDevicePage,
    )
    def get(self, request: Request, username: str) -> Response:
        """An account's certificates and revocations, for everyone to check."""
        pages = PublicPages()
        rows = device_queries.public_devices(str(queries.by_username(username).pk))
        page = pages.page_of(rows, request)
        return pages.get_paginated_response([device_queries.published(row) for row in page])
