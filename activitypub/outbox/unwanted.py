"""Block and Ignore, as a client posts them: whom and what a person wants nothing of."""

from functools import partial

from django.utils import timezone

from activitypub.errors import ActivityRefused
from activitypub.models import Actor, LocalActor
from activitypub.outbox import finding
from activitypub.outbox.deeds import Deed
from activitypub.outbox.refusals import Reason
from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.uris import Origin, origin_of
from activitypub.services import host_blocks, muting, relations


def block(actor: LocalActor, activity: Document) -> Deed:
    """Of an actor, or of a whole host, by its address. Raises ActivityRefused, UnknownActor."""
    uri = finding.name_of(shapes.reference(activity.get("object")))
    host = host_at(uri)
    # Some servers of one person have that one at the host's own address.
    if host is not None and not Actor.objects.filter(uri=uri).exists():
        return partial(host_blocks.block_host, actor, host)
    return partial(relations.block, actor, finding.actor_of(activity))


def ignore(actor: LocalActor, activity: Document) -> Deed:
    """Of an actor, for good or until `endTime`. Raises ActivityRefused, UnknownActor."""
    until = shapes.moment(activity.get("endTime"))
    if shapes.one(activity.get("endTime")) is not None and (until is None or until <= timezone.now()):
        raise ActivityRefused(Reason.OVER)
    return partial(muting.mute, actor, finding.actor_of(activity), until=until)


def host_at(uri: str) -> Origin | None:
    """The host whose address this is, with nothing behind it but a slash."""
    origin = origin_of(uri)
    return origin if origin is not None and uri.removesuffix("/").count("/") == 2 and "?" not in uri else None
