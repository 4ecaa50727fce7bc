"""Rows of the devices room."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models

from devices.protocol.encoding import b64url
from vault.fields import BlindIndexField, SealedField


class DeviceState(models.TextChoices):
    """What a device may be; `unknown` (no row) is no state of a row."""

    PENDING = "pending"
    ACTIVE = "active"
    ENDED = "ended"


class DeviceKind(models.TextChoices):
    DEVICE = "device"
    APP = "app"
    ACCESS_KEY = "access_key"


class Ending(models.TextChoices):
    """Why a device ended: by a signed revocation, on the server's word, unseen for 90 days, or
    because an access key lasts so long and no longer."""

    REVOKED = "revoked"
    LOGOUT = "logout"
    IDLE = "idle"
    EXPIRED = "expired"


class Device(models.Model):
    """A device of an account. `key` is unique for ever: an ended device keeps its row.

    `challenge` is the one in the hash. `fingerprint` names the account key that made `certificate`.
    `scopes` (joined by spaces) and `expires_at` are an access key's, which has neither key,
    challenge nor certificate.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="devices")
    kind = models.CharField(max_length=10, choices=DeviceKind.choices, default=DeviceKind.DEVICE)
    state = models.CharField(max_length=7, choices=DeviceState.choices, default=DeviceState.PENDING)
    hash = models.CharField(max_length=43, unique=True)
    key = models.BinaryField(max_length=32, null=True, unique=True)
    challenge = models.BinaryField(max_length=32, null=True)
    challenge_expires_at = models.DateTimeField(null=True)
    name = models.CharField(max_length=64)
    platform = models.CharField(max_length=64, blank=True)
    scopes = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField(null=True)
    certificate = models.TextField(blank=True)
    fingerprint = models.CharField(max_length=40, blank=True)
    revocation = models.TextField(blank=True)
    revocation_challenge = models.BinaryField(max_length=32, null=True)
    ended = models.CharField(max_length=7, choices=Ending.choices, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    certified_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "state"]),
            models.Index(fields=["state", "last_seen_at"]),
        ]

    def __str__(self) -> str:
        return f"device {self.hash[:8]}…"


class ErasedDeviceKey(models.Model):
    """A device key that went with its account, and is good for nothing for ever. The key is not here."""

    index = BlindIndexField(source="key", normalise=str, unique=True)
    key = ""  # the index's source, as base64url: no field, so it is never written

    def __str__(self) -> str:
        return "erased device key"

    @classmethod
    def of(cls, key: bytes) -> "ErasedDeviceKey":
        row = cls()
        row.key = b64url(key)
        return row


class Purpose(models.TextChoices):
    """What a challenge may be spent for."""

    REGISTER = "register"
    REVOKE = "revoke"
    KEY = "key"
    PASSWORD_RESET = "password_reset"
    PASSKEY_ADD = "passkey_add"
    PASSKEY_LOGIN = "passkey_login"


class Challenge(models.Model):
    """A challenge given out and not yet spent; spending deletes the row in the same transaction.

    `device_key` is the asking device's; empty for a password reset, which no device asks, and for a
    passkey to be added, whose asking proves none. `device` is the hash of the device named in a
    revocation, or that asked to add a passkey, else empty. `account` is empty for a login by passkey.
    """

    challenge = models.BinaryField(max_length=32, unique=True)
    purpose = models.CharField(max_length=14, choices=Purpose.choices)
    account = models.CharField(max_length=300)
    device_key = models.BinaryField(max_length=32)
    device = models.CharField(max_length=43, blank=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"challenge for {self.purpose}"


class TokenKey(models.Model):
    """A key that signs access tokens. The private half is wiped when it retires; the public half
    stays in the JWKS for as long as a token signed by it may live."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public = models.BinaryField(max_length=32)
    private = SealedField(binary=True, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"token key {self.id}"


class IdempotencyRecord(models.Model):
    """The answer that was given under an Idempotency-Key, for 24 hours."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Null in rows of the 24 hours before there was such a column.
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True)
    digest = models.BinaryField(max_length=32, unique=True)
    body_digest = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    answer = SealedField(binary=True)
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return "idempotency record"
