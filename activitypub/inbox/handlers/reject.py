"""Reject: no to a Follow or a QuoteRequest that a person of this server has sent, or no longer."""

from activitypub.inbox.context import Context, NoEffect
from activitypub.inbox.handlers import answers
from activitypub.models import Post
from activitypub.protocol.documents.activities import Activity
from activitypub.services import following, posts, quote_answers


def handle(context: Context, activity: Activity) -> None:
    asking = answers.quoting(activity)
    if asking is not None:
        _quoted(context, asking)
    else:
        following.reject(answers.followed(context, activity))


def _quoted(context: Context, asking: Post) -> None:
    if asking.quote_authorization:
        posts.forget(asking.quote_authorization, by=context.actor)
    if not quote_answers.refused(asking):
        raise NoEffect("known")
