"""Telling a local person what others have done."""

from django.db.models import Q
from django.utils import timezone

from activitypub.models import (
    Actor,
    Block,
    Follow,
    FollowState,
    HostBlock,
    Mute,
    Notification,
    NotificationType,
    Post,
)
from activitypub.queries.hosts import silenced_among
from activitypub.queries.prepared import Exists

# Done again after it was undone it is told once. Of the others each is news.
_ONCE = frozenset(
    {
        NotificationType.FAVOURITE,
        NotificationType.FOLLOW,
        NotificationType.FOLLOW_REQUEST,
        NotificationType.POLL,
        NotificationType.QUOTE,
        NotificationType.QUOTE_REQUEST,
        NotificationType.REBLOG,
    }
)


def notify(recipient: Actor, actor: Actor, type: NotificationType, post: Post | None = None) -> None:
    """Let `recipient` know, unless it is of another server, did it itself, or wants nothing of the actor.

    That a poll has ended its author is told too.
    """
    own = recipient.pk == actor.pk and type != NotificationType.POLL
    if recipient.host or own or _is_unwanted(recipient, actor):
        return
    what = {"recipient_id": recipient.pk, "actor_id": actor.pk, "type": type, "post": post}
    if type in _ONCE and Notification.objects.filter(**what).exists():
        return
    Notification.objects.create(**what)


_blocks = Exists(lambda who, whom: Block.objects.filter(actor=who, target=whom))
_mutes = Exists(lambda who, whom: Mute.objects.filter(actor=who, target=whom, notifications=True))
_follows = Exists(
    lambda who, whom: Follow.objects.filter(follower=who, followee=whom, state=FollowState.ACCEPTED)
)
_blocks_host = Exists(lambda who, host: HostBlock.objects.filter(actor=who, host=host))


def _is_unwanted(recipient: Actor, actor: Actor) -> bool:
    return (
        _blocks(recipient.pk, actor.pk)
        or _blocks_host(recipient.pk, actor.host)
        # Few mute anybody; whether one is over is asked of those alone.
        or (_mutes(recipient.pk, actor.pk) and _is_muted_now(recipient, actor))
        # Of somebody on a silenced host only those hear who follow them.
        or (bool(silenced_among({actor.host} - {""})) and not _follows(recipient.pk, actor.pk))
    )


def _is_muted_now(recipient: Actor, actor: Actor) -> bool:
    stands = Q(until=None) | Q(until__gt=timezone.now())
    return Mute.objects.filter(stands, actor=recipient, target=actor, notifications=True).exists()
