"""Move: somebody of this server is somebody else from now on."""

from typing import Any

from activitypub.models import LocalActor
from activitypub.rendering.contexts import STREAMS


def move_document(actor: LocalActor, target: str, uri: str) -> dict[str, Any]:
    """The Move with this id, for followers."""
    return {
        "@context": STREAMS,
        "id": uri,
        "type": "Move",
        "actor": actor.uri,
        "object": actor.uri,
        "target": target,
        "to": [actor.followers],
    }
