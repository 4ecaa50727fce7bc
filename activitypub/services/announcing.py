"""Telling other servers that an actor of this one has changed."""

from collections.abc import Mapping
from typing import Any

from activitypub.models import Follow, LocalActor, RemoteActor
from activitypub.queries.actors import published_keys
from activitypub.rendering import ACTOR_CONTEXT, PUBLIC, actor_document
from activitypub.services import sending


def announce_change(actor_id: int) -> Mapping[str, Any]:
    """Send an Update of an actor's document to those who follow it and those it follows, or asked to, in the
    transaction in which it changed. Whoever else knows it reads the document anew when they need it. Returns
    the Update."""
    actor = LocalActor.objects.get(pk=actor_id)
    update = update_document(actor)
    followed = RemoteActor.objects.filter(pk__in=Follow.objects.filter(follower=actor).values("followee"))
    sending.send(actor, update, to=followed.iterator(), to_followers=True, object_uri=actor.uri)
    return update


def update_document(actor: LocalActor) -> Mapping[str, Any]:
    """The Update that tells what an actor is now, under a new id."""
    document = actor_document(actor, published_keys(actor))
    document.pop("@context")
    return {
        "@context": ACTOR_CONTEXT,
        "id": sending.new_activity_uri(actor),
        "type": "Update",
        "actor": actor.uri,
        "to": [PUBLIC],
        "cc": [actor.followers] if actor.followers else [],
        "object": document,
    }
