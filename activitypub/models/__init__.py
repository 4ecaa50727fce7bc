"""Rows of the activitypub room."""

from activitypub.models.actors import Actor, ActorType, LocalActor, QuotableBy, RemoteActor
from activitypub.models.backfill import Wanted
from activitypub.models.delivery import Delivery, Host, Sent
from activitypub.models.errands import Errand, ErrandKind
from activitypub.models.follows import Follow, FollowState
from activitypub.models.inbox import Received
from activitypub.models.keys import ActorKey, KeyKind
from activitypub.models.moderation import HostPolicy, Report, Severity
from activitypub.models.notifications import Notification, NotificationType
from activitypub.models.posts import (
    Deleted,
    Edition,
    Hashtag,
    Mention,
    Post,
    PostType,
    QuoteState,
    Visibility,
)
from activitypub.models.quotes import QuoteRequest
from activitypub.models.reactions import Bookmark, Boost, Like, Pin, Vote
from activitypub.models.relations import Block, HostBlock, Mute

__all__ = [
    "Actor",
    "ActorKey",
    "ActorType",
    "Block",
    "Bookmark",
    "Boost",
    "Deleted",
    "Delivery",
    "Edition",
    "Errand",
    "ErrandKind",
    "Follow",
    "FollowState",
    "Hashtag",
    "Host",
    "HostBlock",
    "HostPolicy",
    "KeyKind",
    "Like",
    "LocalActor",
    "Mention",
    "Mute",
    "Notification",
    "NotificationType",
    "Pin",
    "Post",
    "PostType",
    "QuotableBy",
    "QuoteRequest",
    "QuoteState",
    "Received",
    "RemoteActor",
    "Report",
    "Sent",
    "Severity",
    "Visibility",
    "Vote",
    "Wanted",
]
