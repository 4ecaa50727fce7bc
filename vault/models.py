"""The key ring's rows."""

import uuid

from django.db import models


class DataKey(models.Model):
    """A random data key: one a purpose and generation, wrapped under the root key.

    `id` is the key id that envelopes carry. `wrapped` is an envelope of the 32 key bytes
    under HKDF-SHA256(root key, purpose), bound to this id, purpose and generation. A retired
    key's row stays, DESTROYED in place of the envelope, so that its id is known and refused.
    """

    DESTROYED = b""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    purpose = models.CharField(max_length=64)
    generation = models.PositiveIntegerField()
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purpose", "generation"], name="vault_datakey_one_a_generation")
        ]

    def __str__(self) -> str:
        return f"{self.purpose}, generation {self.generation}"
