"""QuoteRequest: somebody asks to quote a post of a person of this server (FEP-044f)."""

from activitypub.errors import UnknownPost
from activitypub.inbox.context import Context, NoEffect
from activitypub.protocol import authority
from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.activities import Activity
from activitypub.queries.posts import seen
from activitypub.services import posts, quoting


def handle(context: Context, activity: Activity) -> None:
    if activity.id is None or not activity.id.isascii():
        raise NoEffect(authority.Reason.ID_MISSING)
    instrument = activity.instrument
    if instrument is None or instrument.id is None or not instrument.id.isascii():
        raise NoEffect(authority.Reason.INSTRUMENT_ELSEWHERE)
    # Of the same origin it is; but of the same actor it has to be, as far as anybody says.
    authors = shapes.uris((instrument.inline or {}).get("attributedTo"))
    known = posts.known(instrument.id)
    if (authors and context.actor.uri not in authors) or (
        known is not None and known.author_id != context.actor.pk
    ):
        raise NoEffect(authority.Reason.OBJECT_OF_ANOTHER)
    try:
        post = seen(context.actor, activity.object.id or "")
    except UnknownPost:
        raise NoEffect("unknown_object") from None
    if post.author.host:
        raise NoEffect("unknown_object")
    quoting.ask(context.actor, post, instrument.id, activity.id)
    if known is None:
        # Who is to decide wants to see it.
        context.want(instrument.id)
