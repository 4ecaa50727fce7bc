"""Somebody has moved: who followed them from here follows them there."""

from datetime import datetime
from typing import Final

from django.db import transaction

from activitypub.errors import (
    ActorMoved,
    ActorSuspended,
    BlockedByThem,
    BlockedByYou,
    FollowImpossible,
    UnknownActor,
)
from activitypub.models import (
    Actor,
    Errand,
    Follow,
    FollowState,
    LocalActor,
    NotificationType,
)
from activitypub.services import following
from activitypub.services.errands import Found
from activitypub.services.notifications import notify

# In one transaction, so that nobody waits long.
AT_ONCE: Final = 50

_NOT_FOLLOWED: Final = (
    ActorMoved,
    ActorSuspended,
    BlockedByThem,
    BlockedByYou,
    FollowImpossible,
    UnknownActor,
)


@transaction.atomic
def move_some(actor: Actor, target: Actor) -> bool:
    """Let a part of the actor's followers here follow the target, and the actor no more; whether that was
    all. Who wants nothing of the target, or is not wanted there, follows neither.

    Whoever calls has seen to it that the target names the actor as its own.
    """
    if actor.moved_to != target.uri:
        actor.moved_to = target.uri
        actor.save(update_fields=["moved_to"])
    here = Follow.objects.filter(followee_id=actor.pk, state=FollowState.ACCEPTED, follower__host="")
    some = list(here.select_related("follower", "followee").order_by("pk")[: AT_ONCE + 1])
    for follow in some[:AT_ONCE]:
        _move(follow, actor, target)
    return len(some) <= AT_ONCE


def move_on(errand: Errand, actor: Actor, found: Found, now: datetime) -> datetime | None:
    """The same for somebody of this server, who was found to move: until all have, or they are back."""
    target = Actor.objects.filter(uri=actor.moved_to, suspended_at=None).first() if actor.moved_to else None
    if target is None or actor.suspended_at is not None:
        return None
    return None if move_some(actor, target) else now


def _move(follow: Follow, actor: Actor, target: Actor) -> None:
    follower = LocalActor.objects.get(pk=follow.follower_id)
    try:
        following.follow(follower, target)
    except _NOT_FOLLOWED:
        # Nothing is left to follow where they were, either way.
        pass
    else:
        notify(follower, actor, NotificationType.MOVED)
    following.end(follow)
