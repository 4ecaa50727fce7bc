"""The shapes of the accounts calls."""

from typing import Any

from django.core.validators import EmailValidator
from rest_framework import serializers

from accounts.passwords import MAX_CHARACTERS
from accounts.protocol.names import is_username
from devices.fields import Bytes32, Exact, Hash, Secret, Text
from devices.models import Purpose
from devices.serializers import DeviceNaming

MAX_ARMOR = 128 * 1024


class Email(Text):
    """An e-mail address."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, validators=[EmailValidator()], **kwargs)


class Username(Exact):
    """`[a-z0-9_]{1,30}`."""

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if not is_username(value):
            raise serializers.ValidationError("1 to 30 of a to z, 0 to 9 and _.")
        return value


class Password(Secret):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_CHARACTERS, **kwargs)


class Armor(Text):
    """An armored OpenPGP block; what it may be is decided by accounts.openpgp."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_ARMOR, **kwargs)


TOKEN_TYPES = ("Bearer", "DPoP")


class TokenChoice(serializers.Serializer[Any]):
    token_type = serializers.ChoiceField(choices=TOKEN_TYPES, default="Bearer")


class ChallengeRequest(serializers.Serializer[Any]):
    purpose = serializers.ChoiceField(choices=(Purpose.REGISTER, Purpose.REVOKE, Purpose.KEY))
    username = Username(required=False)
    device = Hash(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed = {Purpose.REGISTER: "username", Purpose.REVOKE: "device"}.get(attrs["purpose"])
        if needed and needed not in attrs:
            raise serializers.ValidationError({needed: "Needed for this purpose."})
        return attrs


class ChallengeAnswer(serializers.Serializer[Any]):
    challenge = serializers.CharField()
    device = serializers.CharField()
    account = serializers.CharField()
    origin = serializers.CharField()
    expires_in = serializers.IntegerField()


class RegistrationRequest(TokenChoice):
    username = Username()
    email = Email()
    password = Password()
    public_key = Armor()
    device = DeviceNaming()
    challenge = Bytes32()
    certificate = Armor()
    invite = Text(max_length=64, required=False, allow_null=True, allow_blank=True)


class LoginRequest(TokenChoice):
    login = Text(max_length=254)
    password = Password()
    device = DeviceNaming()


class ActivationRequest(TokenChoice):
    certificate = Armor()


class RevocationRequest(serializers.Serializer[Any]):
    """Both or neither."""

    challenge = Bytes32(required=False)
    revocation = Armor(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name, other in (("challenge", "revocation"), ("revocation", "challenge")):
            if name not in attrs and other in attrs:
                raise serializers.ValidationError({name: "Needed beside the other."})
        return attrs


class AccountSummary(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    username = serializers.CharField()
    account = serializers.CharField()
    fingerprint = serializers.CharField()


class TokenAnswer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=("active", "pending"))
    account = AccountSummary()
    device = serializers.CharField()
    access_token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=TOKEN_TYPES)
    expires_in = serializers.IntegerField()


class RegistrationAnswer(TokenAnswer):
    warnings = serializers.ListField(child=serializers.CharField())


class DeviceAtLogin(serializers.Serializer[Any]):
    device = serializers.CharField()
    name = serializers.CharField()
    platform = serializers.CharField()
    last_seen_at = serializers.DateTimeField()
    online = serializers.BooleanField()


class LoginAnswer(TokenAnswer):
    """`challenge` and `devices` stand in a pending answer only."""

    challenge = serializers.CharField(required=False)
    devices = DeviceAtLogin(many=True, required=False)


class Warnings(serializers.Serializer[Any]):
    warnings = serializers.ListField(child=serializers.CharField())


class Transition(serializers.Serializer[Any]):
    key = serializers.CharField()
    new_key = serializers.CharField()
    public_key = serializers.CharField()
    challenge = serializers.CharField()
    transition = serializers.CharField()


class PublicAccount(AccountSummary):
    public_key = serializers.CharField()
    transitions = Transition(many=True)


class OwnAccount(PublicAccount):
    email = serializers.CharField()
    created_at = serializers.DateTimeField()


class OwnAccountChange(serializers.Serializer[Any]):
    email = Email(required=False)


class PublicDevice(serializers.Serializer[Any]):
    device = serializers.CharField()
    device_key = serializers.CharField()
    challenge = serializers.CharField()
    certificate = serializers.CharField(allow_null=True)
    revocation = serializers.CharField(allow_null=True)
    revocation_challenge = serializers.CharField(allow_null=True)
    ended = serializers.CharField(allow_null=True)


class PublicDevicePage(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = PublicDevice(many=True)


class PasswordAgain(serializers.Serializer[Any]):
    """The password, for a call that a token alone is not enough for."""

    password = Password()


class PasswordChange(serializers.Serializer[Any]):
    password = Password()
    new_password = Password()


class PasswordChanged(Warnings):
    """`devices` are the others that stay signed in, offered for revocation."""

    devices = DeviceAtLogin(many=True)


class DeviceCertificate(serializers.Serializer[Any]):
    device = Hash()
    certificate = Armor()


class KeyChange(serializers.Serializer[Any]):
    password = Password()
    public_key = Armor()
    challenge = Bytes32()
    transition = Armor()
    devices = serializers.ListField(child=DeviceCertificate(), max_length=500)


class KeyChanged(serializers.Serializer[Any]):
    fingerprint = serializers.CharField()
    pending = serializers.ListField(child=serializers.CharField())


class AccountSecret(serializers.Serializer[Any]):
    message = Armor()


class PasswordReset(serializers.Serializer[Any]):
    """`login` alone asks for a challenge; with the other three it sets the password."""

    login = Text(max_length=254)
    challenge = Bytes32(required=False)
    statement = Armor(required=False)
    password = Password(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        names = ("challenge", "statement", "password")
        missing = [name for name in names if name not in attrs]
        if missing and len(missing) < len(names):
            raise serializers.ValidationError(dict.fromkeys(missing, "Needed too."))
        return attrs


class PasswordResetChallenge(serializers.Serializer[Any]):
    challenge = serializers.CharField()
    expires_in = serializers.IntegerField()
