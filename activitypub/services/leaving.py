"""What goes of an actor of another server that is no more: all of it, a part at a time."""

from collections import Counter
from typing import Final

from django.db import transaction
from django.db.models import F, Model

from activitypub.models import Boost, Like, Post, RemoteActor

# In one transaction, so that nobody waits long.
AT_ONCE: Final = 200

_COUNTED: Final[tuple[tuple[type[Model], str], ...]] = ((Like, "likes_count"), (Boost, "boosts_count"))


@transaction.atomic
def erase_some(actor: RemoteActor) -> bool:
    """Delete a part of what is the actor's, and at last the actor; whether that was all."""
    if _some_posts(actor) or any(_some_counted(actor, *counted) for counted in _COUNTED):
        return False
    actor.delete()
    return True


def _some_posts(actor: RemoteActor) -> bool:
    some = Post.objects.filter(author=actor).order_by("pk").values_list("pk", "in_reply_to")[:AT_ONCE]
    found = dict(some)
    Post.objects.filter(pk__in=found).delete()
    _count_down("replies_count", Counter(parent for parent in found.values() if parent is not None))
    return bool(found)


def _some_counted(actor: RemoteActor, model: type[Model], column: str) -> bool:
    some = model._default_manager.filter(actor=actor).order_by("pk").values_list("pk", "post")[:AT_ONCE]
    found = dict(some)
    model._default_manager.filter(pk__in=found).delete()
    _count_down(column, Counter(found.values()))
    return bool(found)


def _count_down(column: str, posts: Counter[int]) -> None:
    for post, times in posts.items():
        Post.objects.filter(pk=post).update(**{column: F(column) - times})
