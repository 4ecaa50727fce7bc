"""What is to be done later, and by no request."""

from typing import ClassVar

from django.db import models

from activitypub.ids import new_id
from activitypub.models.actors import Actor
from activitypub.models.posts import Post


class ErrandKind(models.TextChoices):
    """Of a poll: tell how far it has got, and end it. Of an actor: let its followers follow where it moved
    to, find out whether it is gone, and end what it and the hosts that it blocks follow of each other."""

    POLL_TOLD = "poll_told"
    POLL_ENDED = "poll_ended"
    FOLLOWERS_MOVED = "followers_moved"
    ACTOR_GONE = "actor_gone"
    HOST_BLOCKED = "host_blocked"


class Errand(models.Model):
    """Something that is due at `due_at`, about a post or an actor of `host`, empty for this server's; there
    until it is done.

    Whoever does it moves `due_at` on first, so nobody else does it meanwhile, and somebody does it again
    where the first one died. `attempts` were begun since it last got on; `place` is how far it has come,
    where it is done in parts, or the actor that others are to follow.
    """

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=16, choices=ErrandKind.choices)
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="errands", null=True)
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="errands", null=True)
    host = models.CharField(max_length=300, blank=True, default="")
    due_at = models.DateTimeField()
    attempts = models.SmallIntegerField(default=0)
    place = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["post", "kind"], name="activitypub_errand_of_post_once"),
            models.UniqueConstraint(fields=["actor", "kind"], name="activitypub_errand_of_actor_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="activitypub_errand_due"),
            models.Index(fields=["host"], name="activitypub_errand_host"),
        ]

    def __str__(self) -> str:
        return f"errand {self.pk} ({self.kind})"
