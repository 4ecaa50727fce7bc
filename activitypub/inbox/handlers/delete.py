"""Delete: a post, a boost or a whole actor is no more."""

from activitypub.inbox.context import Context, NoEffect, Unfinished
from activitypub.models import Boost, Post
from activitypub.protocol import authority
from activitypub.protocol.documents.activities import Activity
from activitypub.services import boosts, leaving, posts, quote_answers


def handle(context: Context, activity: Activity) -> None:
    uri = activity.object.id
    if uri is None:
        raise NoEffect(authority.Reason.OBJECT_ID_MISSING)
    if uri == context.actor.uri:
        if not leaving.erase_some(context.actor):
            raise Unfinished
        return
    row = posts.known(uri)
    if row is not None:
        if reason := authority.against_change(activity, row.author.uri):
            raise NoEffect(reason)
        posts.delete(row, now=context.now)
        return
    boost = Boost.objects.filter(uri=uri, actor=context.actor).first()
    if boost is not None:
        boosts.undo(boost)
        return
    quoting = Post.objects.select_related("author", "quote__author")
    stamped = quoting.filter(quote_authorization=uri, quote__author=context.actor).first()
    if stamped is not None:
        quote_answers.taken_back(stamped, context.body)
    # What it names may still be on its way, and has to find that it is over.
    posts.forget(uri, by=context.actor)
