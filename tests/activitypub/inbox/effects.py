"""Activities worked through at once, as if they had come in and been verified; and what the rows say."""

import hashlib
import json
from collections.abc import Mapping
from itertools import count
from typing import Any

from django.apps import apps
from django.utils import timezone

from activitypub.fetching.errors import NotFetched, NotFound, Reason
from activitypub.inbox.context import Needs
from activitypub.inbox.line import Job
from activitypub.models import Received, RemoteActor
from activitypub.protocol.documents.reading import Document
from activitypub.remote import actors
from activitypub.services import working
from activitypub.services.working import Ended
from tests.activitypub.senders import STREAMS
from tests.activitypub.test_actors import remote

_numbers = count(1)


def neighbour(name: str, host: str = "near.example") -> RemoteActor:
    """Somebody of another server."""
    return remote(name, host, featured=f"https://{host}/users/{name}/featured")


def activity(actor: RemoteActor, kind: str, **members: Any) -> dict[str, Any]:
    """An activity of this actor with an id of its own."""
    uri = f"{actor.uri}/activities/{next(_numbers)}"
    return {"@context": STREAMS, "id": uri, "type": kind, "actor": actor.uri, **members}


def does(
    actor: RemoteActor, kind: str, web: Mapping[str, dict[str, Any]] | None = None, **members: Any
) -> str:
    """What came of it. `web` is what stands on other servers."""
    return comes_of(actor, activity(actor, kind, **members), web)


def received(actor: RemoteActor, document: Mapping[str, Any]) -> Received:
    """The activity as it waits."""
    return Received.objects.create(
        digest=hashlib.sha256(document["id"].encode()).digest(),
        actor=actor.uri,
        body=json.dumps(document).encode(),
        received_at=timezone.now(),
    )


def comes_of(
    actor: RemoteActor, document: Mapping[str, Any], web: Mapping[str, dict[str, Any]] | None = None
) -> str:
    now, row = timezone.now(), received(actor, document)
    fetched: dict[str, Document | NotFetched | None] = {}
    for _ in range(8):
        ended = working.work([Job(row.pk, actor.uri)], {row.pk: fetched}, now)[row.pk]
        if ended is Ended.UNFINISHED:
            continue
        if not isinstance(ended, Needs):
            break
        found = (web or {}).get(ended.uri)
        if found is not None and ended.actor:
            actors.store(actors.read(found), now)
        fetched[ended.uri] = found or NotFound(Reason.NOT_FOUND)
    row.refresh_from_db()
    return row.outcome


def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows of the room, but for what was received."""
    return {
        model.__name__: list(model._default_manager.order_by("pk").values())
        for model in apps.get_app_config("activitypub").get_models()
        if not model._meta.proxy and model is not Received
    }
