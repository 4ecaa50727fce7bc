"""What other servers have sent and this one has answered with 202."""

from typing import ClassVar

from django.db import models

from activitypub.ids import new_id


class Received(models.Model):
    """A verified activity, waiting to be worked through, or kept for a while as known.

    `digest` is the SHA-256 of the activity's `id`: what comes twice is dropped, but for a Follow or an Undo
    that was signed anew, which takes the row over with a new id. For that, the `received_at` of these two is
    when they were signed, where a clock that is ahead says that this was later. `actor` is the `id` of the
    actor that signed; what one actor sent is worked through in the order of this row's id. `body` is as it
    came, and empty once done. `recipient` is the username whose inbox it came to, empty for the shared one.
    `outcome` is empty while it waits, then `done` or the word of the reason for which it had no effect.
    """

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    digest = models.BinaryField(unique=True)
    actor = models.CharField(max_length=2048)
    recipient = models.CharField(max_length=30, blank=True)
    body = models.BinaryField()
    received_at = models.DateTimeField()
    attempts = models.SmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=80, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["not_before", "id"],
                name="activitypub_received_waiting",
                condition=models.Q(outcome=""),
            ),
            models.Index(
                fields=["received_at"],
                name="activitypub_received_kept",
                condition=~models.Q(outcome=""),
            ),
        ]

    def __str__(self) -> str:
        return f"received {self.pk}"
