"""Activities as they are served: at their own address, and in the outbox."""

from typing import Any

import orjson

from activitypub.queries.outbox import Entry
from activitypub.rendering.posts import create_document


def activity_document(entry: Entry) -> dict[str, Any]:
    """The activity as it was sent; a Create with its post as it is now."""
    if entry.post is not None:
        return create_document(entry.post, entry.sent.uri)
    sent: dict[str, Any] = orjson.loads(bytes(entry.sent.body))
    return sent
