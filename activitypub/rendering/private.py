"""What a person does that nobody else is told: the activities as their own client reads them.

Their ids are those of the rows.
"""

from typing import Any

from activitypub.models import Bookmark, HostBlock, LocalActor, Mute
from activitypub.rendering.contexts import STREAMS
from activitypub.rendering.posts import moment


def private_uri(actor: LocalActor, row: Mute | HostBlock | Bookmark) -> str:
    """The id of the activity by which a row came to be."""
    return f"{actor.uri}/objects/{row.pk}"


def ignore_document(actor: LocalActor, mute: Mute) -> dict[str, Any]:
    """The Ignore; `endTime` where it has an end."""
    document = _activity(private_uri(actor, mute), "Ignore", actor, mute.target.uri)
    return document | ({"endTime": moment(mute.until)} if mute.until is not None else {})


def host_block_document(actor: LocalActor, block: HostBlock, address: str) -> dict[str, Any]:
    """The Block of a whole host, by its address."""
    return _activity(private_uri(actor, block), "Block", actor, address)


def bookmark_document(actor: LocalActor, uri: str, kind: str, post: str, target: str) -> dict[str, Any]:
    """The Add or Remove with this id."""
    return _activity(uri, kind, actor, post) | {"target": target}


def private_undo_document(actor: LocalActor, uri: str, undone: dict[str, Any]) -> dict[str, Any]:
    """The Undo with this id."""
    inner = {name: value for name, value in undone.items() if name != "@context"}
    return _activity(uri, "Undo", actor, inner)


def _activity(uri: str, kind: str, actor: LocalActor, about: Any) -> dict[str, Any]:
    return {"@context": STREAMS, "id": uri, "type": kind, "actor": actor.uri, "object": about}
