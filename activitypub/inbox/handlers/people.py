"""Whom of this server an activity means."""

from activitypub.errors import ActorGone, UnknownActor
from activitypub.inbox.context import NoEffect
from activitypub.models import LocalActor
from activitypub.queries import actors


def here(uri: str | None) -> LocalActor:
    """The person of this server with this id. Raises NoEffect where there is none; nobody follows or blocks
    the server itself."""
    try:
        actor = actors.at_uri(uri or "")
    except (UnknownActor, ActorGone):
        raise NoEffect("unknown_actor") from None
    if actor.is_instance:
        raise NoEffect("unknown_actor")
    if actor.suspended_at is not None:
        raise NoEffect("actor_suspended")
    return actor
