"""Who follows whom."""

from typing import ClassVar

from django.db import models

from activitypub.ids import new_id
from activitypub.models.actors import MAX_URI, Actor


class FollowState(models.TextChoices):
    """A Follow that was not accepted yet, and one that was. A refused or ended one has no row."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"


class Follow(models.Model):
    """One actor follows another, or has asked to. `uri` is the Follow activity's id."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    follower = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="follows")
    followee = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="followed_by")
    state = models.CharField(max_length=9, choices=FollowState.choices, default=FollowState.REQUESTED)
    uri = models.CharField(max_length=MAX_URI, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["follower", "followee"], name="activitypub_follow_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["followee", "state", "id"], name="activitypub_followers"),
            models.Index(fields=["follower", "state", "id"], name="activitypub_following"),
            models.Index(fields=["uri"], name="activitypub_follow_uri"),
        ]

    def __str__(self) -> str:
        return f"follow {self.pk}"
