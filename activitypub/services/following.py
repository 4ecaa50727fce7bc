"""Following: asked for, accepted, refused and ended, between actors of this server and of any other.

What concerns an actor of this server has its effect here at once; another server is told of what an actor of
this one has decided. Each does nothing the second time.
"""

from collections.abc import Mapping
from typing import Any, cast

from django.db import transaction
from django.db.models import Q

from activitypub import rendering
from activitypub.errors import BlockedByThem, BlockedByYou, FollowImpossible, UnknownFollow
from activitypub.models import (
    Actor,
    Block,
    Follow,
    FollowState,
    HostBlock,
    LocalActor,
    Notification,
    NotificationType,
)
from activitypub.queries.hosts import silenced_among, suspended_among
from activitypub.services import sending
from activitypub.services.notifications import notify
from activitypub.services.presence import require_active, require_here


def follow(actor: LocalActor, target: Actor) -> Follow:
    """Let an actor of this server follow somebody, or ask to. Returns the follow; its `state` says which.

    Raises FollowImpossible, BlockedByYou, BlockedByThem, UnknownActor.
    """
    with transaction.atomic():
        require_active(actor)
        if _is_unwanted(actor, target):
            raise BlockedByYou
        made = request(actor, target, sending.new_activity_uri(actor))
        if made is None:
            return between(actor, target)
        if target.host:
            document = rendering.follow_document(made)
            sending.send(actor, document, to=[target], object_uri=target.uri)
    return made


@transaction.atomic
def request(follower: Actor, followee: Actor, uri: str) -> Follow | None:
    """Keep a Follow with this id, and let who is followed know; None where there was one before.

    Of somebody here who lets everybody follow it is accepted at once, unless the follower's host is
    silenced. A server that asks again for what was accepted has not heard of it, and is told again.
    Raises FollowImpossible, BlockedByThem.
    """
    if follower.pk == followee.pk or not _can_be_followed(followee):
        raise FollowImpossible
    if suspended_among({followee.host, follower.host} - {""}):
        raise FollowImpossible
    if Block.objects.filter(actor=followee, target=follower).exists():
        raise BlockedByThem
    made, new = Follow.objects.get_or_create(
        follower_id=follower.pk, followee_id=followee.pk, defaults={"uri": uri}
    )
    if not new:
        _again(made, uri)
        return None
    if not followee.host:
        if followee.locked or silenced_among({follower.host}):
            notify(followee, follower, NotificationType.FOLLOW_REQUEST)
        else:
            accept(made)
    return made


@transaction.atomic
def accept(asked: Follow, uri: str = "") -> bool:
    """Accept a request; whether it still was one. By somebody here: the follower's server is told, by an
    Accept with this id."""
    if not Follow.objects.filter(pk=asked.pk, state=FollowState.REQUESTED).update(state=FollowState.ACCEPTED):
        return False
    asked.state = FollowState.ACCEPTED
    _tell_follower(asked, "Accept", uri)
    _forget_request(asked)
    notify(asked.followee, asked.follower, NotificationType.FOLLOW)
    return True


@transaction.atomic
def reject(follow: Follow, uri: str = "") -> bool:
    """Refuse a request, or end an accepted follow, from the side of who is followed; whether there was one.
    By somebody here: the follower's server is told, by a Reject with this id."""
    if not Follow.objects.filter(pk=follow.pk).delete()[0]:
        return False
    _tell_follower(follow, "Reject", uri)
    _forget_request(follow)
    return True


@transaction.atomic
def end(follow: Follow, uri: str = "") -> bool:
    """End a follow or a request from the side of the follower; whether there was one. By somebody here: the
    server of who is followed is told, by an Undo with this id."""
    if not Follow.objects.filter(pk=follow.pk).delete()[0]:
        return False
    follower, followee = follow.follower, follow.followee
    if not follower.host and followee.host:
        local = cast(LocalActor, follower)
        document = rendering.undo_document(follow, uri or sending.new_activity_uri(local))
        sending.send(local, document, to=[followee], object_uri=follow.uri)
    _forget_request(follow)
    return True


def unfollow(actor: LocalActor, target: Actor) -> Mapping[str, Any]:
    """Let an actor of this server follow somebody no more. Returns the Undo. Raises UnknownFollow,
    UnknownActor."""
    with transaction.atomic():
        require_here(actor)
        found, uri = between(actor, target), sending.new_activity_uri(actor)
        if not end(found, uri):
            raise UnknownFollow
    return rendering.undo_document(found, uri)


def answer(actor: LocalActor, follower: Actor, *, accepted: bool) -> Mapping[str, Any]:
    """Let an actor of this server accept or refuse who asks to follow it, or end one's following. Returns the
    Accept or Reject.

    Raises UnknownFollow, UnknownActor.
    """
    with transaction.atomic():
        require_here(actor)
        found, uri = between(follower, actor), sending.new_activity_uri(actor)
        done = accept(found, uri) if accepted else reject(found, uri)
        if not done:
            raise UnknownFollow
    return rendering.answer_document(found, "Accept" if accepted else "Reject", uri)


def between(follower: Actor, followee: Actor) -> Follow:
    """The follow or request of these two. Raises UnknownFollow."""
    return named(Q(follower_id=follower.pk, followee_id=followee.pk))


def named(which: Q) -> Follow:
    """The follow or request that this says. Raises UnknownFollow."""
    found = Follow.objects.select_related("follower", "followee").filter(which).first()
    if found is None:
        raise UnknownFollow
    return found


def _is_unwanted(actor: LocalActor, target: Actor) -> bool:
    blocks = Block.objects.filter(actor=actor, target=target).exists()
    return blocks or (bool(target.host) and HostBlock.objects.filter(actor=actor, host=target.host).exists())


def _again(known: Follow, uri: str) -> None:
    if not known.follower.host:
        return
    if uri and known.uri != uri:
        known.uri = uri
        known.save(update_fields=["uri"])
    if known.state == FollowState.ACCEPTED:
        _tell_follower(known, "Accept", "")


def _can_be_followed(actor: Actor) -> bool:
    # The server's own actor publishes nothing; what an erasure leaves for a while is nobody.
    # Whether somebody elsewhere has moved for good their server knows.
    nobody = not actor.host and (actor.account_id is None or bool(actor.moved_to))
    return not nobody and actor.suspended_at is None and bool(actor.inbox)


def _tell_follower(follow: Follow, kind: str, uri: str) -> None:
    if follow.followee.host or not follow.follower.host:
        return
    followee = cast(LocalActor, follow.followee)
    document = rendering.answer_document(follow, kind, uri or sending.new_activity_uri(followee))
    sending.send(followee, document, to=[follow.follower], object_uri=follow.uri)


def _forget_request(follow: Follow) -> None:
    Notification.objects.filter(
        recipient_id=follow.followee_id,
        actor_id=follow.follower_id,
        type=NotificationType.FOLLOW_REQUEST,
    ).delete()
