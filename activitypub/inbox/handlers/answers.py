"""Which request of a person of this server an Accept or a Reject answers: to follow, or to quote."""

from activitypub.inbox.context import Context, NoEffect
from activitypub.models import Follow, Post
from activitypub.protocol import authority
from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.activities import Activity
from activitypub.rendering.quote_requests import quoting_of


def followed(context: Context, activity: Activity) -> Follow:
    """The Follow that is answered: named by its id, or, where that is not ours, by who asked whom.

    Raises NoEffect for one that nobody here has sent, or has sent to somebody else.
    """
    sent = Follow.objects.select_related("follower", "followee").filter(follower__host="")
    found = sent.filter(uri=activity.object.id).first() if activity.object.id else None
    if found is None and (inline := activity.object.inline) is not None:
        # Some servers give a Follow an id of their own as they answer it.
        asker = shapes.uri(shapes.one(inline.get("actor")))
        found = sent.filter(follower__uri=asker, followee=context.actor).first() if asker else None
    reason = authority.against_answer(activity, found.followee.uri if found else None)
    if reason is not None or found is None:
        raise NoEffect(reason or authority.Reason.NEVER_ASKED)
    return found


def quoting(activity: Activity) -> Post | None:
    """The post of this server that asks to quote, if that is what is answered: named by the request's id, or
    by what asked for what.

    Raises NoEffect for one that has asked for nothing, or has asked somebody else.
    """
    said = activity.object.inline or {}
    uri = quoting_of(activity.object.id or "")
    if "QuoteRequest" in shapes.types(said):
        uri = uri or shapes.uri(shapes.one(said.get("instrument"))) or ""
    elif not uri:
        return None
    asking = Post.objects.select_related("author", "quote__author").filter(uri=uri, author__host="").first()
    about = shapes.uri(shapes.one(said.get("object")))
    if asking is None or asking.quote is None or about not in (None, asking.quote_uri):
        raise NoEffect(authority.Reason.NEVER_ASKED)
    if reason := authority.against_answer(activity, asking.quote.author.uri):
        raise NoEffect(reason)
    return asking
