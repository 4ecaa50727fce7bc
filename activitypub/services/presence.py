"""Whether who acts is still here."""

from accounts.queries import locked
from activitypub.errors import UnknownActor
from activitypub.models import LocalActor


def require_here(actor: LocalActor) -> None:
    """Lock the actor's account in the open transaction, so that an erasure waits, or is waited for.

    Raises UnknownActor where it was erased, or is suspended.
    """
    if actor.account_id is None or actor.suspended_at is not None or locked(actor.account_id) is None:
        raise UnknownActor
