"""Add: somebody pins a post of theirs."""

from activitypub.inbox.context import Context, NoEffect
from activitypub.inbox.handlers import arriving
from activitypub.models import Post
from activitypub.protocol import authority
from activitypub.protocol.documents import shapes, vocabulary
from activitypub.protocol.documents.activities import Activity
from activitypub.protocol.uris import same_origin
from activitypub.services import pins, posts


def handle(context: Context, activity: Activity) -> None:
    if not pins.store(context.actor, _pinned(context, activity)):
        raise NoEffect("known")


def _pinned(context: Context, activity: Activity) -> Post:
    if reason := authority.against_pin(activity, context.actor.featured or None):
        raise NoEffect(reason)
    uri, inline = activity.object.id, activity.object.inline
    if uri is None:
        raise NoEffect(authority.Reason.OBJECT_ID_MISSING)
    # Hashtags are pinned too, elsewhere.
    if inline is not None and vocabulary.first_of(shapes.types(inline), vocabulary.POSTS) is None:
        raise NoEffect("unsupported_object")
    if not same_origin(uri, context.actor.uri):
        raise NoEffect(authority.Reason.OBJECT_ELSEWHERE)
    post = posts.known(uri) or arriving.keep(context, arriving.fetched(context, uri))
    if reason := authority.against_change(activity, post.author.uri):
        raise NoEffect(reason)
    return post
