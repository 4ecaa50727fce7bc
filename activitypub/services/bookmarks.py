"""Posts that people of this server keep for themselves. Nobody is told."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from activitypub.errors import UnknownBookmark
from activitypub.models import Bookmark, LocalActor, Post
from activitypub.protocol.local_uris import bookmarks_of
from activitypub.rendering.private import bookmark_document, private_uri
from activitypub.services import sending
from activitypub.services.presence import require_here, require_post


def keep(actor: LocalActor, post: Post) -> Mapping[str, Any]:
    """Keep a post that the actor was found to see. Returns the Add. Raises UnknownPost, UnknownActor."""
    with transaction.atomic():
        require_here(actor)
        require_post(post)
        row, _ = Bookmark.objects.get_or_create(actor_id=actor.pk, post_id=post.pk)
    return bookmark_document(actor, private_uri(actor, row), "Add", post.uri, bookmarks_of(actor.uri))


def drop(actor: LocalActor, uri: str) -> Mapping[str, Any]:
    """Keep the post with this id no longer, whether or not it can be seen still. Returns the Remove.

    Raises UnknownBookmark, UnknownActor.
    """
    with transaction.atomic():
        require_here(actor)
        if not Bookmark.objects.filter(actor_id=actor.pk, post__uri=uri).delete()[0]:
            raise UnknownBookmark
    made = sending.new_activity_uri(actor)
    return bookmark_document(actor, made, "Remove", uri, bookmarks_of(actor.uri))
