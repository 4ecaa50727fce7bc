"""Follow: somebody asks to follow a person of this server."""

from activitypub.inbox.context import Context, NoEffect
from activitypub.inbox.handlers import people
from activitypub.protocol import authority
from activitypub.protocol.documents.activities import Activity
from activitypub.services import asking


def handle(context: Context, activity: Activity) -> None:
    if activity.id is None or not activity.id.isascii():
        raise NoEffect(authority.Reason.ID_MISSING)
    asking.ask(context.actor, people.here(activity.object.id), activity.id)
