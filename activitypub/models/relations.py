"""Who wants nothing of whom."""

from typing import ClassVar

from django.db import models

from activitypub.ids import new_id
from activitypub.models.actors import MAX_URI, Actor


class Block(models.Model):
    """A block, by or of a local actor. `uri` is the Block activity's id."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="blocks")
    target = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="blocked_by")
    uri = models.CharField(max_length=MAX_URI, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["actor", "target"], name="activitypub_block_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["uri"], name="activitypub_block_uri")]

    def __str__(self) -> str:
        return f"block {self.pk}"


class Mute(models.Model):
    """A local person wants to see nothing of somebody; nobody is told. Null `until`: for good."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="mutes")
    target = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="muted_by")
    notifications = models.BooleanField(default=True)
    until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["actor", "target"], name="activitypub_mute_once"),
        ]

    def __str__(self) -> str:
        return f"mute {self.pk}"


class HostBlock(models.Model):
    """A local person wants to see nothing of a whole host."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="host_blocks")
    host = models.CharField(max_length=300)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["actor", "host"], name="activitypub_host_block_once"),
        ]

    def __str__(self) -> str:
        return f"host block {self.pk}"
