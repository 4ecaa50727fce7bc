"""The keys by which actors sign, and nothing else (PROTOCOL §2)."""

import uuid
from typing import ClassVar

from django.db import models

from activitypub.models.actors import MAX_URI, Actor
from vault.fields import SealedField


class KeyKind(models.TextChoices):
    RSA = "rsa"
    ED25519 = "ed25519"


class ActorKey(models.Model):
    """A key of an actor. `key_id` is the address under which it is published.

    `public` is a DER SubjectPublicKeyInfo, for both kinds; `private` a DER PKCS#8, null for another
    server's key and for one that is retired. A local key that was replaced is published until
    `retires_at`; of the newest that is null. Until then a replaced RSA key signs what tells of the actor
    itself, and nothing else.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="keys")
    kind = models.CharField(max_length=7, choices=KeyKind.choices)
    key_id = models.CharField(max_length=MAX_URI, unique=True)
    public = models.BinaryField()
    private = SealedField(binary=True, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    retires_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["actor", "kind"], name="activitypub_key_of_actor"),
            models.Index(
                fields=["retires_at"],
                name="activitypub_key_retired",
                condition=models.Q(retires_at__isnull=False, private__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"actor key {self.pk}"
