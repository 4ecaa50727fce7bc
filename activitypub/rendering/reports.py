"""Reports, as servers tell each other."""

from typing import Any

from activitypub.models import LocalActor, Report
from activitypub.rendering.contexts import STREAMS


def flag_document(report: Report, speaker: LocalActor, uri: str) -> dict[str, Any]:
    """The Flag with this id: who is reported, and then their posts, as servers know it from Mastodon."""
    return {
        "@context": STREAMS,
        "id": uri,
        "type": "Flag",
        "actor": speaker.uri,
        "content": report.comment,
        "object": [report.target.uri, *report.post_uris],
    }
