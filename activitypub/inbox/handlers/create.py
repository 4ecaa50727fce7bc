"""Create: a post, or a vote in a poll."""

from activitypub.inbox.context import Context, NoEffect
from activitypub.inbox.handlers import arriving, vote
from activitypub.protocol import authority
from activitypub.protocol.documents.activities import Activity
from activitypub.services import posts


def handle(context: Context, activity: Activity) -> None:
    match authority.brought(activity):
        case authority.Refuse(reason):
            raise NoEffect(reason)
        case authority.Believe(document):
            post = arriving.read(document)
        case authority.Fetch(uri):
            if posts.known(uri) is not None:
                raise NoEffect("known")
            post = arriving.fetched(context, uri)
    if post.is_vote and vote.is_ours(post):
        vote.cast(context, post)
    else:
        arriving.keep(context, post)
