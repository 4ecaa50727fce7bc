"""Whether who acts is still here, and may; and whether what they mean is."""

from accounts.queries import locked
from activitypub.errors import ActorMoved, ActorSuspended, UnknownActor, UnknownPost
from activitypub.models import LocalActor, Post


def require_here(actor: LocalActor) -> None:
    """Lock the actor's account in the open transaction, so that an erasure waits, or is waited for.

    Raises UnknownActor where it was erased, ActorSuspended.
    """
    _moved_to(actor)


def require_active(actor: LocalActor) -> None:
    """As `require_here`, for what begins something new: who has moved does that where they are now.

    Raises UnknownActor, ActorSuspended, ActorMoved.
    """
    if _moved_to(actor):
        raise ActorMoved


def require_post(post: Post) -> None:
    """Lock a post in the open transaction, so that its end waits, or is waited for. Raises UnknownPost."""
    if Post.objects.select_for_update(no_key=True).filter(pk=post.pk).values_list("pk").first() is None:
        raise UnknownPost


def _moved_to(actor: LocalActor) -> str:
    if actor.account_id is None or locked(actor.account_id) is None:
        raise UnknownActor
    # Read now that it is locked: a moderator, or another device, may have been faster than this request.
    row = LocalActor.objects.filter(pk=actor.pk).only("suspended_at", "moved_to").first()
    if row is None:
        raise UnknownActor
    if row.suspended_at is not None:
        raise ActorSuspended
    return row.moved_to
