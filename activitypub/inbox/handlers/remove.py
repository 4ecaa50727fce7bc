"""Remove: somebody pins a post of theirs no more."""

from activitypub.inbox.context import Context, NoEffect
from activitypub.protocol import authority
from activitypub.protocol.documents.activities import Activity
from activitypub.services import pins, posts


def handle(context: Context, activity: Activity) -> None:
    if reason := authority.against_pin(activity, context.actor.featured or None):
        raise NoEffect(reason)
    post = posts.known(activity.object.id) if activity.object.id else None
    if post is None:
        raise NoEffect("unknown_object")
    if reason := authority.against_change(activity, post.author.uri):
        raise NoEffect(reason)
    if not pins.undo(context.actor, post):
        raise NoEffect("unchanged")
