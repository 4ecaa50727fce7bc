"""Boosts of posts as rows."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from activitypub.models import Actor, Boost, NotificationType, Post, Visibility
from activitypub.services import posts
from activitypub.services.notifications import notify


@transaction.atomic
def store(
    post: Post, actor: Actor, *, uri: str, visibility: Visibility, published: datetime | None, now: datetime
) -> bool:
    """Keep that an actor boosts a post, by the Announce with that id, and tell its author; whether that is
    new."""
    if Boost.objects.filter(actor=actor, post=post).exists():
        return False
    published = min(published or now, now)
    Boost.objects.create(
        id=posts.place(published, now),
        actor=actor,
        post=post,
        visibility=visibility,
        uri=uri,
        published=published,
    )
    Post.objects.filter(pk=post.pk).update(boosts_count=F("boosts_count") + 1)
    notify(post.author, actor, NotificationType.REBLOG, post)
    return True


@transaction.atomic
def undo(boost: Boost) -> None:
    """End a boost."""
    Post.objects.filter(pk=boost.post_id).update(boosts_count=F("boosts_count") - 1)
    boost.delete()
