"""Which request of a person of this server an Accept or a Reject answers."""

from activitypub.inbox.context import Context, NoEffect
from activitypub.models import Follow
from activitypub.protocol import authority
from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.activities import Activity


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
