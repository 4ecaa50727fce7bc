"""Accept: yes to a Follow or a QuoteRequest that a person of this server has sent."""

from functools import partial

from activitypub.inbox.context import Context, NoEffect
from activitypub.inbox.handlers import answers
from activitypub.models import Post, QuoteState
from activitypub.protocol.authority import Reason
from activitypub.protocol.documents.activities import Activity
from activitypub.remote import stamps
from activitypub.services import following, quote_answers


def handle(context: Context, activity: Activity) -> None:
    asking = answers.quoting(activity)
    if asking is not None:
        _quoted(context, activity, asking)
    elif not following.accept(answers.followed(context, activity)):
        raise NoEffect("known")


def _quoted(context: Context, activity: Activity, asking: Post) -> None:
    if asking.quote_state == QuoteState.ACCEPTED or asking.quote is None:
        raise NoEffect("known")
    # Each answer sends the post to all who have it: by turns they would send it without end.
    if asking.quote_state == QuoteState.REVOKED:
        raise NoEffect(Reason.STAMP_REVOKED)
    stamp = activity.result.id if activity.result else None
    if stamp is None:
        raise NoEffect(Reason.STAMP_MISSING)
    # Not as it is brought: whoever is shown the quote reads it where it stands.
    if reason := stamps.against(partial(context.fetch, fresh=True), stamp, asking.uri, asking.quote):
        raise NoEffect(reason)
    quote_answers.granted(asking, stamp)
