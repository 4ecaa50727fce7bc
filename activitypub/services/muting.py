"""Mutes by people of this server, of which nobody is told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from activitypub.errors import MuteImpossible, UnknownMute
from activitypub.models import Actor, LocalActor, Mute
from activitypub.rendering.private import ignore_document, private_undo_document
from activitypub.services import sending
from activitypub.services.presence import require_here


def mute(actor: LocalActor, target: Actor, *, until: datetime | None = None) -> Mapping[str, Any]:
    """See nothing of somebody, nor be told of what they do, for good or until then. Done again, what is said
    last holds. Returns the Ignore. Raises MuteImpossible, UnknownActor."""
    if target.pk == actor.pk:
        raise MuteImpossible
    with transaction.atomic():
        require_here(actor)
        row, _ = Mute.objects.update_or_create(
            actor_id=actor.pk, target_id=target.pk, defaults={"until": until}
        )
    row.target = target
    return ignore_document(actor, row)


def unmute(actor: LocalActor, row: Mute) -> Mapping[str, Any]:
    """See them again. Returns the Undo. Raises UnknownMute, UnknownActor."""
    with transaction.atomic():
        require_here(actor)
        if not Mute.objects.filter(pk=row.pk, actor_id=actor.pk).delete()[0]:
            raise UnknownMute
    return private_undo_document(actor, sending.new_activity_uri(actor), ignore_document(actor, row))
