"""Reject: no to a Follow that a person of this server has sent, or no longer."""

from activitypub.inbox.context import Context
from activitypub.inbox.handlers import answers
from activitypub.protocol.documents.activities import Activity
from activitypub.services import following


def handle(context: Context, activity: Activity) -> None:
    following.reject(answers.followed(context, activity))
