"""Blocks of whole hosts by people of this server. No server is told but by what ends of following."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from activitypub.errors import HostBlockImpossible, UnknownHostBlock
from activitypub.models import Actor, Errand, ErrandKind, Follow, HostBlock, LocalActor
from activitypub.protocol.uris import Origin
from activitypub.rendering.private import host_block_document, private_undo_document
from activitypub.services import errands, following, sending
from activitypub.services.errands import Found
from activitypub.services.presence import require_here

# In one transaction, so that nobody waits long: of a large host thousands may follow.
AT_ONCE: Final = 50


def block_host(actor: LocalActor, host: Origin) -> Mapping[str, Any]:
    """Want nothing of a host: nobody there follows the actor any more, nor the actor them. Some of that is
    done at once, and the rest by errands. Returns the Block. Raises HostBlockImpossible, UnknownActor."""
    if host.authority == settings.HVX_HOST:
        raise HostBlockImpossible
    with transaction.atomic():
        require_here(actor)
        # An errand that is at its end would not see this one: each waits for the other.
        Actor.objects.select_for_update(no_key=True).get(pk=actor.pk)
        row, _ = HostBlock.objects.get_or_create(actor_id=actor.pk, host=host.authority)
        if not _sever_some(actor):
            errands.put(ErrandKind.HOST_BLOCKED, actor=actor, due_at=timezone.now())
    return host_block_document(actor, row, address_of(row))


def unblock_host(actor: LocalActor, row: HostBlock) -> Mapping[str, Any]:
    """End it. Who followed whom does not come back. Returns the Undo. Raises UnknownHostBlock,
    UnknownActor."""
    with transaction.atomic():
        require_here(actor)
        if not HostBlock.objects.filter(pk=row.pk, actor_id=actor.pk).delete()[0]:
            raise UnknownHostBlock
    undone = host_block_document(actor, row, address_of(row))
    return private_undo_document(actor, sending.new_activity_uri(actor), undone)


def sever(errand: Errand, actor: Actor, found: Found, now: datetime) -> datetime | None:
    """The errand: some more of it."""
    return None if _sever_some(actor) else now


def address_of(row: HostBlock) -> str:
    """A host as it is named by an address."""
    return f"https://{row.host}/"


def _sever_some(actor: Actor) -> bool:
    """End some of the follows between an actor and the hosts that it blocks; whether that was all."""
    hosts = list(HostBlock.objects.filter(actor=actor).values_list("host", flat=True))
    here = Follow.objects.select_related("follower", "followee")
    some = [
        *here.filter(followee=actor, follower__host__in=hosts)[: AT_ONCE + 1],
        *here.filter(follower=actor, followee__host__in=hosts)[: AT_ONCE + 1],
    ]
    _end(some[:AT_ONCE])
    return len(some) <= AT_ONCE


def _end(follows: Sequence[Follow]) -> None:
    for follow in follows:
        if follow.follower.host:
            following.reject(follow)
        else:
            following.end(follow)
