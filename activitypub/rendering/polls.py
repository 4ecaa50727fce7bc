"""Polls, and votes in them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from activitypub.models import Vote
from activitypub.rendering.contexts import STREAMS


def poll_members(poll: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a Question has beside a Note, of a poll as its row keeps it; nothing where there is none."""
    if poll is None:
        return {}
    members: dict[str, Any] = {
        "anyOf" if poll["multiple"] else "oneOf": [
            {
                "type": "Note",
                "name": option["name"],
                "replies": {"type": "Collection", "totalItems": option["votes"]},
            }
            for option in poll["options"]
        ],
    }
    if poll["voters_count"] is not None:
        members["votersCount"] = poll["voters_count"]
    for name, at in (("endTime", poll["end_time"]), ("closed", poll["closed"])):
        if isinstance(at, str):
            members[name] = f"{datetime.fromisoformat(at):%Y-%m-%dT%H:%M:%SZ}"
    return members


def vote_document(vote: Vote, chosen: str, uri: str) -> dict[str, Any]:
    """The Create, with this id, of a Note that is nothing but the name of an option: how everybody votes."""
    author = vote.post.author.uri
    return {
        "@context": STREAMS,
        "id": uri,
        "type": "Create",
        "actor": vote.actor.uri,
        "to": [author],
        "object": {
            "id": vote.uri,
            "type": "Note",
            "attributedTo": vote.actor.uri,
            "inReplyTo": vote.post.uri,
            "name": chosen,
            "to": [author],
        },
    }
