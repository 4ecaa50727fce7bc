"""What people do with posts."""

from typing import ClassVar

from django.db import models

from activitypub.ids import new_id
from activitypub.models.actors import MAX_URI, Actor
from activitypub.models.posts import Post


class Like(models.Model):
    """A Like, or an EmojiReact: `emoji` is what it reacts with, empty for a like. `uri` is the activity's."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="likes")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="likes")
    emoji = models.CharField(max_length=100, blank=True)
    uri = models.CharField(max_length=MAX_URI, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["actor", "post", "emoji"], name="activitypub_like_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["post", "id"], name="activitypub_likes_of_post"),
            models.Index(fields=["uri"], name="activitypub_like_uri"),
        ]

    def __str__(self) -> str:
        return f"like {self.pk}"


class Boost(models.Model):
    """An Announce of a post. Its id takes its place among the posts of a timeline."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="boosts")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="boosts")
    visibility = models.CharField(max_length=8)
    uri = models.CharField(max_length=MAX_URI, unique=True)
    published = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["actor", "post"], name="activitypub_boost_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["post", "id"], name="activitypub_boosts_of_post"),
            models.Index(fields=["actor", "id"], name="activitypub_boosts_of_actor"),
        ]

    def __str__(self) -> str:
        return f"boost {self.pk}"


class Vote(models.Model):
    """One chosen option of a poll. `option` is its place in `poll.options`."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="votes")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="votes")
    option = models.SmallIntegerField()
    uri = models.CharField(max_length=MAX_URI, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["actor", "post", "option"], name="activitypub_vote_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["post", "option"], name="activitypub_votes_of_post")]

    def __str__(self) -> str:
        return f"vote {self.pk}"


class Pin(models.Model):
    """A post that its author shows first: an item of `featured`."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="pins")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="pins")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["actor", "post"], name="activitypub_pin_once")
        ]

    def __str__(self) -> str:
        return f"pin {self.pk}"


class Bookmark(models.Model):
    """A post that a local person has kept. Nobody is told."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="bookmarks")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="bookmarks")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["actor", "post"], name="activitypub_bookmark_once"),
        ]

    def __str__(self) -> str:
        return f"bookmark {self.pk}"
