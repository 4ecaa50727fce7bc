"""Move: somebody of another server is somebody else from now on."""

from activitypub.inbox.context import Context, NoEffect, is_local
from activitypub.inbox.handlers import people
from activitypub.models import Actor, RemoteActor
from activitypub.protocol import authority
from activitypub.protocol.documents.activities import Activity
from activitypub.remote import actors
from activitypub.services import moving


def handle(context: Context, activity: Activity) -> None:
    uri = activity.target.id if activity.target else None
    if uri is None:
        raise NoEffect(authority.Reason.MOVE_NOWHERE)
    # Before anything is fetched for it.
    if moving.is_too_soon(context.actor, context.now):
        raise NoEffect("moved_lately")
    if not moving.begin(context.actor, _confirmed(context, activity, uri), context.now):
        raise NoEffect("too_many_moved_there")


def _confirmed(context: Context, activity: Activity, uri: str) -> Actor:
    """The target, which says itself, just now, that the actor is one of its names."""
    if is_local(uri):
        target: Actor = people.here(uri)
        if reason := authority.against_move(activity, target.uri, target.also_known_as):
            raise NoEffect(reason)
        if target.moved_to:
            raise NoEffect("target_has_moved")
        return target
    found = actors.read(context.fetch(uri, fresh=True))
    if reason := authority.against_move(activity, found.id, found.also_known_as):
        raise NoEffect(reason)
    if found.moved_to:
        raise NoEffect("target_has_moved")
    known = RemoteActor.objects.filter(uri=found.id).first()
    if known is not None and known.suspended_at is not None:
        raise NoEffect("actor_suspended")
    return known or actors.store(found, context.now)
