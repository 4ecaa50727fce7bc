"""A person of this server goes elsewhere, comes back, or says under which other names they are known.

Each is written into the audit: who may do this may take all followers along.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from rest_framework import serializers

from activitypub import rendering
from activitypub.errors import MovedLately, MoveRefused
from activitypub.fetching.errors import NotFetched
from activitypub.models import Actor, Errand, ErrandKind, LocalActor
from activitypub.protocol import authority
from activitypub.protocol.uris import origin_of
from activitypub.remote import actors as remote_actors
from activitypub.remote import objects
from activitypub.services import errands, sending
from activitypub.services.announcing import announce_change
from activitypub.services.presence import require_active, require_here
from audit.events import Event
from audit.services import record

# Every follower's server is set to work by a move, and those of whom it moves to get as many follows.
EVERY: Final = timedelta(days=30)
MAX_ALIASES: Final = 10


class Reason(StrEnum):
    NOT_REACHED = "target_not_reached"
    MOVED = "target_has_moved"
    SUSPENDED = "target_suspended"


def prepare_move(actor: LocalActor, uri: str) -> Callable[[], Mapping[str, Any]]:
    """All of a move to the actor with this id that may wait for another server: it is asked just now whether
    it names this one in `alsoKnownAs`. What is given back moves, in one transaction, and returns the Move.

    Followers elsewhere are told; those here follow there a moment later, as far as they and the target want
    it. Raises MoveRefused; the deed MovedLately, UnknownActor, ActorSuspended, ActorMoved.
    """
    return partial(_move, actor, _confirmed(actor, uri), timezone.now())


def set_aliases(actor: LocalActor, uris: Sequence[str]) -> Mapping[str, Any]:
    """Let the actor's `alsoKnownAs` be these ids of actors: from them one can move here. Returns the Update.

    Raises DRF's ValidationError, UnknownActor, ActorSuspended.
    """
    aliases = list(dict.fromkeys(uris))
    if len(aliases) > MAX_ALIASES:
        raise serializers.ValidationError({"alsoKnownAs": [f"at most {MAX_ALIASES}"]})
    if any(origin_of(uri) is None or not uri.isascii() or uri == actor.uri for uri in aliases):
        raise serializers.ValidationError({"alsoKnownAs": ["must be http or https addresses of others"]})
    with transaction.atomic():
        require_here(actor)
        row = _locked(actor)
        row.also_known_as = aliases
        row.save(update_fields=["also_known_as"])
        told = announce_change(row.pk)
        record(Event.ACTOR_ALIASES_SET, account=str(row.account_id), details={"aliases": len(aliases)})
    return told


def come_back(actor: LocalActor) -> Mapping[str, Any]:
    """Be here again, as if one had never moved. Returns the Update.

    Whoever followed there already stays there. Raises UnknownActor, ActorSuspended.
    """
    with transaction.atomic():
        require_here(actor)
        row = _locked(actor)
        Errand.objects.filter(actor_id=row.pk, kind=ErrandKind.FOLLOWERS_MOVED).delete()
        moved, row.moved_to = row.moved_to, ""
        row.save(update_fields=["moved_to"])
        told = announce_change(row.pk)
        if moved:
            record(Event.ACTOR_CAME_BACK, account=str(row.account_id), subject=moved)
    return told


@transaction.atomic
def _move(actor: LocalActor, target: Actor, now: datetime) -> Mapping[str, Any]:
    require_active(actor)
    row = _locked(actor)
    if row.moved_at is not None and (left := row.moved_at + EVERY - now) > timedelta():
        raise MovedLately(int(left.total_seconds()) + 1)
    row.moved_to, row.moved_at = target.uri, now
    row.save(update_fields=["moved_to", "moved_at"])
    # First what the actor is from now on: some servers look at that when the Move comes.
    announce_change(row.pk)
    document = rendering.move_document(row, target.uri, sending.new_activity_uri(row))
    sending.send(row, document, to=[target], to_followers=True, object_uri=target.uri)
    errands.put(ErrandKind.FOLLOWERS_MOVED, actor=row, due_at=now, place=target.pk)
    record(Event.ACTOR_MOVED, account=str(row.account_id), subject=target.uri)
    return document


def _locked(actor: LocalActor) -> LocalActor:
    return LocalActor.objects.select_for_update(no_key=True).get(pk=actor.pk)


def _confirmed(actor: LocalActor, uri: str) -> Actor:
    """The target, which says itself, just now, that the actor is one of its names. Raises MoveRefused."""
    if uri == actor.uri:
        raise MoveRefused(authority.Reason.MOVE_NOWHERE)
    target = LocalActor.objects.filter(uri=uri, account__isnull=False).first() or _fetched(uri)
    if target.suspended_at is not None:
        raise MoveRefused(Reason.SUSPENDED)
    if target.moved_to:
        raise MoveRefused(Reason.MOVED)
    if actor.uri not in target.also_known_as:
        raise MoveRefused(authority.Reason.MOVE_NOT_CONFIRMED)
    return target


def _fetched(uri: str) -> Actor:
    try:
        remote_actors.require_elsewhere(uri)
        return remote_actors.store(remote_actors.read(objects.fetch(uri, max_age=0.0)), timezone.now())
    except NotFetched:
        raise MoveRefused(Reason.NOT_REACHED) from None
