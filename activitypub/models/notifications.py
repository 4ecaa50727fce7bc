"""What a local person is told of."""

from typing import ClassVar

from django.db import models

from activitypub.ids import new_id
from activitypub.models.actors import Actor
from activitypub.models.posts import Post


class NotificationType(models.TextChoices):
    """In the words of Mastodon's client API, which has none for who asks to quote."""

    MENTION = "mention"
    STATUS = "status"
    REBLOG = "reblog"
    FOLLOW = "follow"
    FOLLOW_REQUEST = "follow_request"
    FAVOURITE = "favourite"
    POLL = "poll"
    UPDATE = "update"
    QUOTE = "quote"
    QUOTE_REQUEST = "quote_request"
    MOVED = "moved"


class Notification(models.Model):
    """`actor` has done something that `recipient`, of this server, may want to know."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    recipient = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="notifications")
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="notified")
    type = models.CharField(max_length=14, choices=NotificationType.choices)
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="notifications", null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["recipient", "id"], name="activitypub_notifications"),
            # Whether one was told before, however many like a post and however much one is told.
            models.Index(fields=["actor", "recipient", "type", "post"], name="activitypub_told_before"),
        ]

    def __str__(self) -> str:
        return f"notification {self.pk}"
