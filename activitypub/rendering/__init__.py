"""Rows as the documents that other servers read."""

from activitypub.rendering.activities import activity_document
from activitypub.rendering.actors import ACTOR_CONTEXT, actor_document
from activitypub.rendering.collections import collection, collection_page, tombstone
from activitypub.rendering.contexts import POST_CONTEXT, PUBLIC, STREAMS
from activitypub.rendering.follows import (
    answer_document,
    block_document,
    follow_document,
    undo_block_document,
    undo_document,
)
from activitypub.rendering.moves import move_document
from activitypub.rendering.polls import poll_members, vote_document
from activitypub.rendering.posts import (
    create_document,
    delete_document,
    handle_of,
    hashtag_address,
    post_document,
    update_document,
)
from activitypub.rendering.quotes import policy, policy_document
from activitypub.rendering.reactions import (
    announce_document,
    like_document,
    undo_announce_document,
    undo_like_document,
)
from activitypub.rendering.reports import flag_document

__all__ = [
    "ACTOR_CONTEXT",
    "POST_CONTEXT",
    "PUBLIC",
    "STREAMS",
    "activity_document",
    "actor_document",
    "announce_document",
    "answer_document",
    "block_document",
    "collection",
    "collection_page",
    "create_document",
    "delete_document",
    "flag_document",
    "follow_document",
    "handle_of",
    "hashtag_address",
    "like_document",
    "move_document",
    "policy",
    "policy_document",
    "poll_members",
    "post_document",
    "tombstone",
    "undo_announce_document",
    "undo_block_document",
    "undo_document",
    "undo_like_document",
    "update_document",
    "vote_document",
]
