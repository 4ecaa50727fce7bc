"""Likes of posts, and reactions with an emoji, as rows."""

from typing import Final

from django.db import transaction
from django.db.models import F

from activitypub.models import Actor, Like, NotificationType, Post
from activitypub.services.notifications import notify

# Of one actor to one post: whoever reacts in more ways means to fill tables.
MOST_OF_ONE: Final = 20
MAX_EMOJI: Final = 100


@transaction.atomic
def store(post: Post, actor: Actor, *, uri: str, emoji: str = "") -> bool:
    """Keep that an actor likes a post, or reacts to it with `emoji`, by the activity with that id, and tell
    its author; whether that is new. One that is too many is not kept."""
    before = list(Like.objects.filter(actor=actor, post=post).values_list("emoji", flat=True)[:MOST_OF_ONE])
    if emoji in before or len(before) == MOST_OF_ONE:
        return False
    Like.objects.create(actor=actor, post=post, uri=uri, emoji=emoji)
    Post.objects.filter(pk=post.pk).update(likes_count=F("likes_count") + 1)
    notify(post.author, actor, NotificationType.FAVOURITE, post)
    return True


@transaction.atomic
def undo(like: Like) -> None:
    """End a like or a reaction."""
    Post.objects.filter(pk=like.post_id).update(likes_count=F("likes_count") - 1)
    like.delete()
