"""The shapes of the passkey calls. The credentials are WebAuthn's own JSON (Level 3, §5.1.8, §5.1.9)."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.passkeys import Assertion, Creation
from accounts.serializers import Password, TokenChoice
from devices.fields import Exact, Name
from devices.protocol.encoding import b64url_decode
from devices.serializers import DeviceNaming

# WebAuthn §4 bounds a credential id, §5.4.3 a user handle; the others hold what authenticators send.
MAX_CREDENTIAL_ID = 1023
MAX_USER_HANDLE = 64
MAX_CLIENT_DATA = 4096
MAX_AUTHENTICATOR_DATA = 4096
MAX_SIGNATURE = 2048
MAX_ATTESTATION = 16 * 1024


@extend_schema_field({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"})
class Base64url(Exact):
    """Up to `most` bytes as unpadded base64url; the value is bytes."""

    def __init__(self, *, most: int, **kwargs: Any) -> None:
        super().__init__(max_length=(most * 4 + 2) // 3, **kwargs)

    def to_internal_value(self, data: Any) -> bytes:  # type: ignore[override]
        text = super().to_internal_value(data)
        try:
            return b64url_decode(text)
        except ValueError as error:
            raise serializers.ValidationError("Not unpadded base64url.") from error


class PublicKeyCredential(serializers.Serializer[Any]):
    id = Base64url(most=MAX_CREDENTIAL_ID)
    rawId = Base64url(most=MAX_CREDENTIAL_ID)
    type = serializers.ChoiceField(choices=("public-key",))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["id"] != attrs["rawId"]:
            raise serializers.ValidationError({"rawId": "Not the id."})
        return attrs


class AttestationResponse(serializers.Serializer[Any]):
    clientDataJSON = Base64url(most=MAX_CLIENT_DATA)
    attestationObject = Base64url(most=MAX_ATTESTATION)
    transports = serializers.ListField(child=Exact(max_length=32), max_length=16, required=False)


class RegistrationResponse(PublicKeyCredential):
    """RegistrationResponseJSON, as `PublicKeyCredential.toJSON()` gives it."""

    response = AttestationResponse()


class AssertionResponse(serializers.Serializer[Any]):
    clientDataJSON = Base64url(most=MAX_CLIENT_DATA)
    authenticatorData = Base64url(most=MAX_AUTHENTICATOR_DATA)
    signature = Base64url(most=MAX_SIGNATURE)
    userHandle = Base64url(most=MAX_USER_HANDLE, required=False, allow_null=True)


class AuthenticationResponse(PublicKeyCredential):
    """AuthenticationResponseJSON, as `PublicKeyCredential.toJSON()` gives it."""

    response = AssertionResponse()


class PasskeyAdding(serializers.Serializer[Any]):
    """`password` alone asks for creation options; `name` and `credential` are their answer."""

    password = Password(required=False)
    name = Name(max_length=64, required=False)
    credential = RegistrationResponse(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "password" in attrs and attrs.keys() != {"password"}:
            raise serializers.ValidationError({"password": "Alone, to ask for options."})
        if not attrs:
            raise serializers.ValidationError({"password": "Needed, to ask for options."})
        for name in ("name", "credential"):
            if "password" not in attrs and name not in attrs:
                raise serializers.ValidationError({name: "Needed too."})
        return attrs


class PasskeyLogin(TokenChoice):
    credential = AuthenticationResponse()
    device = DeviceNaming()


class PasskeyOptions(serializers.Serializer[Any]):
    """`options` are PublicKeyCredentialCreationOptionsJSON or …RequestOptionsJSON."""

    options = serializers.DictField()
    expires_in = serializers.IntegerField()


class PasskeyView(serializers.Serializer[Any]):
    """A passkey as its owner sees it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    transports = serializers.ListField(child=serializers.CharField())
    backup_eligible = serializers.BooleanField()
    backed_up = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class PasskeyPage(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = PasskeyView(many=True)


def creation_of(credential: dict[str, Any]) -> Creation:
    """What a validated RegistrationResponse says."""
    response = credential["response"]
    return Creation(
        credential_id=credential["id"],
        client_data=response["clientDataJSON"],
        attestation_object=response["attestationObject"],
    )


def assertion_of(credential: dict[str, Any]) -> Assertion:
    """What a validated AuthenticationResponse says."""
    response = credential["response"]
    return Assertion(
        credential_id=credential["id"],
        client_data=response["clientDataJSON"],
        authenticator_data=response["authenticatorData"],
        signature=response["signature"],
        user_handle=response.get("userHandle") or b"",
    )
