"""Rows of the activitypub room."""

from activitypub.models.actors import Actor, ActorType, LocalActor, RemoteActor
from activitypub.models.follows import Follow, FollowState
from activitypub.models.keys import ActorKey, KeyKind

__all__ = [
    "Actor",
    "ActorKey",
    "ActorType",
    "Follow",
    "FollowState",
    "KeyKind",
    "LocalActor",
    "RemoteActor",
]
