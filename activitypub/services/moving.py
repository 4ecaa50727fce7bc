"""Somebody has moved: who followed them from here follows them there.

A move makes this server send as many follows as somebody has followers here, to whatever server agrees to it.
So an actor moves as seldom as Mastodon takes a move, and to one actor move no more than have a reason to.
"""

from datetime import datetime, timedelta
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
    ErrandKind,
    Follow,
    FollowState,
    LocalActor,
    NotificationType,
)
from activitypub.services import errands, following
from activitypub.services.errands import Found
from activitypub.services.notifications import notify

# In one transaction, so that nobody waits long.
AT_ONCE: Final = 50
EVERY: Final = timedelta(days=7)
# Whoever had an account on so many servers and takes all of them along waits for the next.
MOST_TO_ONE: Final = 10
WITHIN: Final = timedelta(days=30)

_NOT_FOLLOWED: Final = (
    ActorMoved,
    ActorSuspended,
    BlockedByThem,
    BlockedByYou,
    FollowImpossible,
    UnknownActor,
)


def is_too_soon(actor: Actor, now: datetime) -> bool:
    """Whether the actor has moved so lately that nobody follows it to the next place."""
    return actor.moved_at is not None and now - actor.moved_at < EVERY


@transaction.atomic
def begin(actor: Actor, target: Actor, now: datetime) -> bool:
    """Take part in a move: a part of the actor's followers here follow the target, and the rest by an errand.
    False, and nothing is done, where too many have moved to the target lately.

    Whoever calls has seen to it that the target names the actor as its own, and that it is not too soon.
    """
    if len(_lately(target, now)) >= MOST_TO_ONE:
        return False
    actor.moved_to, actor.moved_at = target.uri, now
    actor.save(update_fields=["moved_to", "moved_at"])
    if not move_some(actor, target):
        errands.put(ErrandKind.FOLLOWERS_MOVED, actor=actor, due_at=now, place=target.pk)
    # Last, so that nobody whose account is locked for a follow waits for who holds this row.
    row = Actor.objects.select_for_update(no_key=True).get(pk=target.pk)
    row.moved_here = [*_lately(row, now), now.isoformat()][-MOST_TO_ONE:]
    row.save(update_fields=["moved_here"])
    return True


@transaction.atomic
def move_some(actor: Actor, target: Actor) -> bool:
    """Let a part of the actor's followers here follow the target, and the actor no more; whether that was
    all. Who wants nothing of the target, or is not wanted there, follows neither."""
    here = Follow.objects.filter(followee_id=actor.pk, state=FollowState.ACCEPTED, follower__host="")
    some = list(here.select_related("follower", "followee").order_by("pk")[: AT_ONCE + 1])
    for follow in some[:AT_ONCE]:
        _move(follow, actor, target)
    return len(some) <= AT_ONCE


def move_on(errand: Errand, actor: Actor, found: Found, now: datetime) -> datetime | None:
    """The errand: some more of them, until all have moved, or the actor is back."""
    # Not where its document says by now: that one has agreed to nothing.
    target = Actor.objects.filter(pk=errand.place, suspended_at=None).first() if actor.moved_to else None
    if target is None or actor.suspended_at is not None:
        return None
    return None if move_some(actor, target) else now


def _lately(target: Actor, now: datetime) -> list[str]:
    """When others moved to it, as far as that counts."""
    return [at for at in target.moved_here or () if now - datetime.fromisoformat(at) < WITHIN]


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
