"""Blocks as rows: one of two wants nothing of the other."""

from django.db import transaction
from django.db.models import Q

from activitypub.models import Actor, Block, Follow
from activitypub.services import following


@transaction.atomic
def store(actor: Actor, target: Actor, uri: str) -> bool:
    """Keep that an actor blocks another, by the Block with that id, and let neither follow the other; whether
    that is new."""
    _, made = Block.objects.get_or_create(actor=actor, target=target, defaults={"uri": uri})
    between = Q(follower=actor, followee=target) | Q(follower=target, followee=actor)
    for follow in Follow.objects.select_related("follower", "followee").filter(between):
        if follow.follower.host:
            following.reject(follow)
        else:
            following.end(follow)
    return made


@transaction.atomic
def undo(block: Block) -> None:
    """End a block. What it ended does not come back."""
    block.delete()
