"""What a local actor has sent, by the addresses of its activities."""

from collections.abc import Sequence
from dataclasses import dataclass

from activitypub.models import Post, Sent
from activitypub.queries.posts import WITH_NAMES

CREATE = "Create"


@dataclass(frozen=True)
class Entry:
    """An activity, and of a Create the post as it is now: it may have been edited since."""

    sent: Sent
    post: Post | None


def entries(uris: Sequence[str]) -> list[Entry]:
    """Those of these activities that are still there, in the same order; a Create is if its post is. As many
    queries for many as for one."""
    rows = {row.uri: row for row in Sent.objects.filter(uri__in=uris)}
    created = [row.object_uri for row in rows.values() if row.type == CREATE]
    posts = Post.objects.filter(uri__in=created).select_related("author").prefetch_related(*WITH_NAMES)
    found = {post.uri: post for post in posts}
    ordered = [rows[uri] for uri in uris if uri in rows]
    entries = [Entry(row, found.get(row.object_uri) if row.type == CREATE else None) for row in ordered]
    return [entry for entry in entries if entry.post is not None or entry.sent.type != CREATE]
