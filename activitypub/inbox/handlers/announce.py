"""Announce: a boost; and what groups let their members know of (Lemmy).

Nothing of what is announced is believed: it is asked of its own server.
"""

from activitypub.fetching.errors import Gone
from activitypub.inbox.context import Context, NoEffect, is_local
from activitypub.inbox.handlers import arriving
from activitypub.models import Post, Visibility
from activitypub.post_columns import visibility_of
from activitypub.protocol import authority
from activitypub.protocol.documents import shapes, vocabulary
from activitypub.protocol.documents.activities import Activity
from activitypub.services import boosts, posts


def handle(context: Context, activity: Activity) -> None:
    match authority.brought(activity):
        case authority.Refuse(reason):
            raise NoEffect(reason)
        case authority.Believe():
            raise NoEffect("unsupported_object")
        case authority.Fetch(uri):
            _announced(context, activity, uri)


def _announced(context: Context, activity: Activity, uri: str) -> None:
    inline = activity.object.inline or {}
    match vocabulary.first_of(shapes.types(inline), vocabulary.ACTIVITIES):
        case None:
            _boost(context, activity, uri)
        case "Create":
            if posts.known(uri) is not None:
                raise NoEffect("known")
            arriving.keep(context, arriving.fetched(context, uri))
        case "Update":
            _changed(context, uri)
        case "Delete":
            _ended(context, uri)
        case _:
            raise NoEffect("unsupported_object")


def _boost(context: Context, activity: Activity, uri: str) -> None:
    if activity.id is None or posts.was_deleted(activity.id, context.actor):
        raise NoEffect("deleted")
    row = posts.known(uri)
    if row is None:
        post = arriving.fetched(context, uri)
        row = posts.known(post.id) or arriving.keep(context, post)
    own = row.author_id == context.actor.pk and row.visibility == Visibility.PRIVATE
    if not posts.is_open(row) and not own:
        raise NoEffect("object_not_public")
    if not boosts.store(
        row,
        context.actor,
        uri=activity.id,
        visibility=visibility_of(activity, context.actor),
        published=activity.published,
        now=context.now,
    ):
        raise NoEffect("known")


def _changed(context: Context, uri: str) -> None:
    post = arriving.fetched(context, uri, fresh=True)
    row = posts.known(post.id)
    if row is None:
        arriving.keep(context, post)
    elif row.author.uri not in post.attributed_to:
        raise NoEffect(authority.Reason.OBJECT_OF_ANOTHER)
    elif not arriving.revise(context, row, post):
        raise NoEffect("unchanged")


def _ended(context: Context, uri: str) -> None:
    row = posts.known(uri)
    if row is None or is_local(uri):
        raise NoEffect("unknown_object")
    if not _is_gone(context, row):
        raise NoEffect("object_still_there")
    posts.delete(row, now=context.now)


def _is_gone(context: Context, row: Post) -> bool:
    """Whether its own server says so. That it finds nothing says nothing: so it also answers of what is for
    few, which we ask for in nobody's name."""
    try:
        document = context.fetch(row.uri, fresh=True)
    except Gone:
        return True
    return vocabulary.TOMBSTONE in shapes.types(document)
