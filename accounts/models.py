"""Rows of the accounts room."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from accounts.protocol.names import account_text, normalise_email
from devices.models import Device
from vault.fields import BlindIndexField, SealedField


class AccountManager(BaseUserManager["Account"]):
    """Accounts are made by accounts.services.register alone."""


class Account(AbstractBaseUser):
    """A person. The private half of `public_key` never reaches this server.

    `secret` is the OpenPGP message of PROTOCOL §3 (`me/secret`), opaque here. `user_handle` is what
    passkeys know the account by: random, so that it tells of no name; there from the first one on.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(max_length=30, unique=True)
    email = SealedField()
    email_index = BlindIndexField(source="email", normalise=normalise_email, unique=True)
    public_key = models.TextField()
    fingerprint = models.CharField(max_length=40)
    secret = models.TextField(blank=True)
    user_handle = models.BinaryField(max_length=32, null=True, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    last_login = None  # devices know when they were last seen

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[AccountManager] = AccountManager()

    def __str__(self) -> str:
        return self.username

    @property
    def text(self) -> str:
        """`username@host[:port]`."""
        return account_text(self.username, settings.HVX_HOST)


class KeyTransition(models.Model):
    """A change of the account key, signed by the old key and the new."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="transitions")
    old_public_key = models.TextField()
    old_fingerprint = models.CharField(max_length=40)
    new_fingerprint = models.CharField(max_length=40)
    challenge = models.BinaryField(max_length=32)
    transition = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"{self.old_fingerprint} → {self.new_fingerprint}"


class Passkey(models.Model):
    """A WebAuthn credential that logs in to an account. Public parts alone: the authenticator keeps
    the private key.

    `public_key` is a COSE_Key (RFC 9052 §7). `sign_count` is the highest that was seen.
    `backup_eligible` and `backed_up` are the flags BE and BS (WebAuthn §6.1.3).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="passkeys")
    credential_id = models.BinaryField(max_length=1023, unique=True)
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField()
    aaguid = models.CharField(max_length=36)
    backup_eligible = models.BooleanField()
    backed_up = models.BooleanField()
    transports = models.JSONField(default=list)
    name = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"passkey {self.id}"


class AccessKey(models.Model):
    """What proves a device of kind `access_key`; its name, scopes and times are the device's.

    `id` is the `key_id`, `digest` the SHA-256 of 32 random bytes that are shown once. Of so much
    chance a plain digest gives nothing away.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    device = models.OneToOneField(Device, on_delete=models.CASCADE, related_name="access_key")
    digest = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return f"access key {self.id}"


class ErasedUsername(models.Model):
    """A username that was erased with its account and is given to nobody else: whoever knew the one
    must not take another for them. The name itself is not here."""

    index = BlindIndexField(source="username", normalise=str, unique=True)
    username = ""  # the index's source: no field, so it is never written

    def __str__(self) -> str:
        return "erased username"

    @classmethod
    def of(cls, username: str) -> "ErasedUsername":
        row = cls()
        row.username = username
        return row


class Operator(AbstractBaseUser):
    """Who runs this server, at the administration's pages; no account, and nobody in the fediverse."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=30, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_login = None  # the audit knows

    USERNAME_FIELD = "name"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name


class OperatorSession(models.Model):
    """An operator who has signed in. `digest` is the SHA-256 of the cookie: of so much chance a plain
    digest gives nothing away. `kept` is what the next page shows."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    operator = models.ForeignKey(Operator, on_delete=models.CASCADE, related_name="sessions")
    digest = models.BinaryField(max_length=32, unique=True)
    kept = models.JSONField(default=dict)
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"session {self.id}"


class Invite(models.Model):
    """Leave to register. The code itself is shown once and kept by nobody here."""

    digest = models.BinaryField(max_length=32, unique=True)
    uses_left = models.PositiveIntegerField()
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"invite, {self.uses_left} uses left"
