"""Registering, logging in, and everything that ends with a token or ends a device."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries, throttle
from accounts.protocol.names import account_text
from accounts.serializers import (
    ActivationRequest,
    ChallengeAnswer,
    ChallengeRequest,
    LoginAnswer,
    LoginRequest,
    RegistrationAnswer,
    RegistrationRequest,
    RevocationRequest,
    TokenAnswer,
    TokenChoice,
    Warnings,
)
from accounts.services import endings, registration, sessions
from devices import queries as device_queries
from devices import tokens
from devices.api import (
    FullOrPendingToken,
    FullToken,
    NativeView,
    PublicView,
    flag,
    principal,
    proof,
    read_body,
)
from devices.authentication import ProofAuthentication, ProvenTokenAuthentication
from devices.idempotency import idempotent
from devices.models import DeviceKind, DeviceState, Purpose
from devices.protocol.access_token import LIFETIME_SECONDS
from devices.protocol.device_hash import DeviceHash, device_hash
from devices.protocol.dpop import Proof, thumbprint
from devices.protocol.encoding import b64url
from devices.services import challenges

KEY_BACKED_UP = OpenApiParameter(
    "key_backed_up", bool, description="`true`: end the last active device all the same."
)


def token_answer(signed_in: sessions.SignedIn, *, token_type: str) -> dict[str, Any]:
    """The members that every answer with a token has; scope follows the device's state."""
    account, device = signed_in.account, signed_in.device
    active = device.state == DeviceState.ACTIVE
    bound = token_type == "DPoP" and device.key is not None
    return {
        "state": "active" if active else "pending",
        "account": queries.summary(account),
        "device": device.hash,
        "access_token": tokens.issue(
            account_id=str(account.pk),
            username=account.username,
            email=account.email,
            device=DeviceHash(device.hash),
            scope="full" if active else "pending",
            jkt=thumbprint(bytes(device.key)) if bound and device.key is not None else None,
        ),
        "token_type": token_type,
        "expires_in": LIFETIME_SECONDS,
    }


def login_answer(signed_in: sessions.SignedIn, *, token_type: str) -> dict[str, Any]:
    """As token_answer; a pending device also learns its challenge and whom it may ask."""
    answer = token_answer(signed_in, token_type=token_type)
    device = signed_in.device
    if answer["state"] == "pending" and device.challenge is not None:
        answer["challenge"] = b64url(bytes(device.challenge))
        answer["devices"] = device_queries.shown_at_login(str(signed_in.account.pk))
    return answer


class ChallengesView(PublicView):
    @extend_schema(
        operation_id="challenges",
        request=ChallengeRequest,
        responses=ChallengeAnswer,
        auth=[{"proof": []}, {"token": [], "proof": []}],  # type: ignore[list-item]
    )
    def post(self, request: Request) -> Response:
        """A challenge to be signed. `register` goes by the proof alone; the others by a full
        token and a proof."""
        if isinstance(request.data, dict) and request.data.get("purpose") == Purpose.REGISTER:
            return self._register(request, ProofAuthentication().authenticate(request)[1])
        speaker, _ = ProvenTokenAuthentication().authenticate(request)
        request.user = speaker  # type: ignore[assignment]
        FullToken().has_permission(request, self)
        return self._signed_in(request)

    def _register(self, request: Request, shown: Proof) -> Response:
        username = read_body(ChallengeRequest, request)["username"]
        throttle.asked_by_network()
        registration.check_registrable(username, shown.key)
        account = account_text(username, settings.HVX_HOST)
        challenge = challenges.give_challenge(Purpose.REGISTER, account=account, device_key=shown.key)
        device = device_hash(account, shown.key, challenge)
        return Response(self._answer(challenge, device, account))

    @idempotent
    def _signed_in(self, request: Request) -> Response:
        speaker = principal(request)
        body = read_body(ChallengeRequest, request)
        throttle.asked_by_device(speaker.device)
        account = queries.of(speaker).text
        named = speaker.device
        if body["purpose"] == Purpose.REVOKE:
            named = DeviceHash(device_queries.own_device(speaker.account_id, body["device"]).hash)
        challenge = challenges.give_challenge(
            body["purpose"],
            account=account,
            device_key=speaker.device_key or b"",
            device=named if body["purpose"] == Purpose.REVOKE else "",
        )
        return Response(self._answer(challenge, named, account))

    def _answer(self, challenge: bytes, device: str, account: str) -> dict[str, Any]:
        return {
            "challenge": b64url(challenge),
            "device": device,
            "account": account,
            "origin": settings.HVX_ORIGIN,
            "expires_in": int(challenges.CHALLENGE_LIFETIME.total_seconds()),
        }


class AccountsView(PublicView):
    authentication_classes = (ProofAuthentication,)

    @extend_schema(
        operation_id="accounts_register",
        request=RegistrationRequest,
        responses={201: RegistrationAnswer},
    )
    def post(self, request: Request) -> Response:
        """Register: an account, its public key, and this device as its first."""
        body = read_body(RegistrationRequest, request)
        made = throttle.accounts_made()
        made.require()
        with throttle.email_taken_answers(throttle.here()):
            signed_in = registration.register(
                registration.Registration(
                    username=body["username"],
                    email=body["email"],
                    password=body["password"],
                    public_key=body["public_key"],
                    device_name=body["device"]["name"],
                    device_platform=body["device"]["platform"],
                    challenge=body["challenge"],
                    certificate=body["certificate"],
                    invite=body.get("invite") or "",
                    device_key=proof(request).key,
                )
            )
        made.count()
        answer = token_answer(signed_in, token_type=body["token_type"])
        return Response({**answer, "warnings": ["back_up_account_key"]}, status=201)


class SessionsView(PublicView):
    authentication_classes = (ProofAuthentication,)

    @extend_schema(operation_id="sessions_login", request=LoginRequest, responses=LoginAnswer)
    def post(self, request: Request) -> Response:
        """Log in: pending for a device that is not certified, active at once for one that is."""
        body = read_body(LoginRequest, request)
        signed_in = sessions.log_in(
            body["login"],
            body["password"],
            device_key=proof(request).key,
            name=body["device"]["name"],
            platform=body["device"]["platform"],
        )
        return Response(login_answer(signed_in, token_type=body["token_type"]))


class RefreshView(PublicView):
    authentication_classes = (ProofAuthentication,)

    @extend_schema(operation_id="sessions_refresh", request=TokenChoice, responses=LoginAnswer)
    def post(self, request: Request) -> Response:
        """A new token by a fresh proof; there is no refresh token."""
        body = read_body(TokenChoice, request)
        signed_in = sessions.refresh(proof(request).key)
        return Response(login_answer(signed_in, token_type=body["token_type"]))


class ActivateView(NativeView):
    authentication_classes = (ProvenTokenAuthentication,)
    permission_classes = (FullOrPendingToken,)

    @extend_schema(operation_id="sessions_activate", request=ActivationRequest, responses=TokenAnswer)
    def post(self, request: Request) -> Response:
        """Certify this pending device; answers a full token."""
        body = read_body(ActivationRequest, request)
        signed_in = sessions.activate(principal(request), body["certificate"])
        return Response(token_answer(signed_in, token_type=body["token_type"]))


def _revocation(body: dict[str, Any]) -> endings.Revocation | None:
    if "revocation" not in body:
        return None
    return endings.Revocation(challenge=body["challenge"], revocation=body["revocation"])


class LogoutView(NativeView):
    authentication_classes = (ProvenTokenAuthentication,)
    permission_classes = (FullOrPendingToken,)

    @extend_schema(
        operation_id="sessions_logout",
        request=RevocationRequest,
        parameters=[KEY_BACKED_UP],
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        """End this device, by its own signed revocation or, with `{}`, on the server's word."""
        speaker = principal(request)
        revocation = _revocation(read_body(RevocationRequest, request))
        backed_up = flag(request, "key_backed_up")
        if revocation is None:
            endings.end_on_its_word(speaker, key_backed_up=backed_up)
        else:
            device = device_queries.speaking_device(speaker)
            endings.revoke(speaker, device, revocation, key_backed_up=backed_up)
        return Response(status=204)


class RevokeView(NativeView):
    authentication_classes = (ProvenTokenAuthentication,)

    @extend_schema(
        operation_id="devices_revoke",
        request=RevocationRequest,
        parameters=[KEY_BACKED_UP],
        responses=Warnings,
    )
    @idempotent
    def post(self, request: Request, device: str) -> Response:
        """Revoke a device of one's own: by a signed revocation where it has a key."""
        speaker = principal(request)
        row = device_queries.own_device(speaker.account_id, device)
        endings.revoke(
            speaker,
            row,
            _revocation(read_body(RevocationRequest, request)),
            key_backed_up=flag(request, "key_backed_up"),
        )
        held = row.kind == DeviceKind.DEVICE
        return Response({"warnings": ["account_key_still_on_device"] if held else []})
