"""Posts that their authors show first, as rows."""

from typing import Final

from django.db import transaction

from activitypub.models import Actor, Pin, Post

# Whoever pins everything pins nothing.
MOST: Final = 50


@transaction.atomic
def store(actor: Actor, post: Post) -> bool:
    """Pin a post of the actor's own, if that is not one too many; whether that is new."""
    if Pin.objects.filter(actor=actor).count() >= MOST:
        return False
    return Pin.objects.get_or_create(actor=actor, post=post)[1]


@transaction.atomic
def undo(actor: Actor, post: Post) -> bool:
    """Pin it no more; whether it was."""
    return bool(Pin.objects.filter(actor=actor, post=post).delete()[0])
