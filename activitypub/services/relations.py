"""Blocks by people of this server."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from activitypub import rendering
from activitypub.errors import BlockImpossible, UnknownBlock
from activitypub.models import Actor, Block, LocalActor
from activitypub.services import blocks, sending
from activitypub.services.presence import require_here


def block(actor: LocalActor, target: Actor) -> Mapping[str, Any]:
    """Want nothing of somebody: neither follows the other any more. Returns the Block.

    Their server is told, so that it shows them nothing of the actor. Raises BlockImpossible, UnknownActor.
    """
    if target.pk == actor.pk:
        raise BlockImpossible
    with transaction.atomic():
        require_here(actor)
        new = blocks.store(actor, target, sending.new_activity_uri(actor))
        document = rendering.block_document(_of(actor, target))
        if new:
            sending.send(actor, document, to=[target], object_uri=target.uri)
    return document


def unblock(actor: LocalActor, target: Actor) -> Mapping[str, Any]:
    """End a block. Returns the Undo. Raises UnknownBlock, UnknownActor."""
    with transaction.atomic():
        require_here(actor)
        ended = _of(actor, target)
        document = rendering.undo_block_document(ended, sending.new_activity_uri(actor))
        blocks.undo(ended)
        sending.send(actor, document, to=[target], object_uri=target.uri)
    return document


def _of(actor: LocalActor, target: Actor) -> Block:
    found = Block.objects.select_related("actor", "target").filter(actor=actor, target_id=target.pk).first()
    if found is None:
        raise UnknownBlock
    return found
