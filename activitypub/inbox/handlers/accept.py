"""Accept: yes to a Follow that a person of this server has sent."""

from activitypub.inbox.context import Context, NoEffect
from activitypub.inbox.handlers import answers
from activitypub.protocol.documents.activities import Activity
from activitypub.services import following


def handle(context: Context, activity: Activity) -> None:
    if not following.accept(answers.followed(context, activity)):
        raise NoEffect("known")
