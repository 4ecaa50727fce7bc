"""Telling a local person what others have done."""

from django.db.models import Exists, Q
from django.utils import timezone

from activitypub.models import Actor, Block, HostBlock, LocalActor, Mute, Notification, NotificationType, Post

# Done again after it was undone it is told once. Of the others each is news.
_ONCE = frozenset(
    {
        NotificationType.FAVOURITE,
        NotificationType.FOLLOW,
        NotificationType.FOLLOW_REQUEST,
        NotificationType.REBLOG,
    }
)


def notify(recipient: Actor, actor: Actor, type: NotificationType, post: Post | None = None) -> None:
    """Let `recipient` know, unless it is of another server, did it itself, or wants nothing of the actor."""
    if recipient.host or recipient.pk == actor.pk or not _wants(recipient, actor):
        return
    what = {"recipient_id": recipient.pk, "actor_id": actor.pk, "type": type, "post": post}
    if type in _ONCE and Notification.objects.filter(**what).exists():
        return
    Notification.objects.create(**what)


def _wants(recipient: Actor, actor: Actor) -> bool:
    stands = Q(until=None) | Q(until__gt=timezone.now())
    return LocalActor.objects.filter(
        ~Exists(Block.objects.filter(actor=recipient.pk, target=actor.pk)),
        ~Exists(Mute.objects.filter(stands, actor=recipient.pk, target=actor.pk, notifications=True)),
        ~Exists(HostBlock.objects.filter(actor=recipient.pk, host=actor.host)),
        pk=recipient.pk,
    ).exists()
