"""What a conversation lacks here."""

from typing import ClassVar

from django.db import models

from activitypub.ids import new_id
from activitypub.models.actors import MAX_URI


class Wanted(models.Model):
    """A post of another server that is to be fetched; there until that is done, or is given up.

    `steps` are how many posts upwards may be fetched from here, itself counted; none for a reply that another
    post lists, which is fetched alone. `thread` is the row with which its conversation began to be fetched.
    Whoever takes a row moves `due_at` on first, so nobody else has it meanwhile, and somebody takes it again
    where the first one died.
    """

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    uri = models.CharField(max_length=MAX_URI, unique=True)
    host = models.CharField(max_length=300)
    thread = models.BigIntegerField()
    steps = models.SmallIntegerField()
    attempts = models.SmallIntegerField(default=0)
    due_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="activitypub_wanted_due"),
            models.Index(fields=["host"], name="activitypub_wanted_host"),
            models.Index(fields=["thread"], name="activitypub_wanted_thread"),
        ]

    def __str__(self) -> str:
        return f"wanted {self.pk}"
