"""What people of this server show first of their own."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from activitypub import rendering
from activitypub.errors import NotShared, NotYours, UnknownPin
from activitypub.models import LocalActor, Post
from activitypub.queries.posts import OPEN
from activitypub.services import pins, sending
from activitypub.services.presence import require_active, require_here


def pin(actor: LocalActor, post: Post) -> Mapping[str, Any]:
    """Show a post first, and tell followers. Returns the Add.

    What is pinned already, or one too many, is told to nobody. Raises NotYours, NotShared for what is not for
    everybody, UnknownActor.
    """
    if post.author_id != actor.pk:
        raise NotYours
    if post.visibility not in OPEN:
        raise NotShared
    with transaction.atomic():
        require_active(actor)
        return _told(actor, post, "Add", changed=pins.store(actor, post))


def unpin(actor: LocalActor, post: Post) -> Mapping[str, Any]:
    """Show it first no more. Returns the Remove. Raises UnknownPin, UnknownActor."""
    with transaction.atomic():
        require_here(actor)
        if not pins.undo(actor, post):
            raise UnknownPin
        return _told(actor, post, "Remove", changed=True)


def _told(actor: LocalActor, post: Post, kind: str, *, changed: bool) -> Mapping[str, Any]:
    document = {
        "@context": rendering.STREAMS,
        "id": sending.new_activity_uri(actor),
        "type": kind,
        "actor": actor.uri,
        "object": post.uri,
        "target": actor.featured,
        "to": [actor.followers],
    }
    if changed:
        sending.send(actor, document, to_followers=True, object_uri=post.uri)
    return document
