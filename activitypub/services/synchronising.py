"""Two servers find out that they disagree who follows whom, and agree again (FEP-8fcf)."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from activitypub.models import Follow, FollowState, LocalActor, RemoteActor
from activitypub.protocol.synchronization import Synchronization, digest, parse
from activitypub.protocol.uris import same_origin
from activitypub.rendering import STREAMS
from activitypub.services import sending

# An Accept and what the header says of it may cross on the way.
SETTLES_IN = timedelta(minutes=5)


def disagreement(actor_uri: str, header: str) -> Synchronization | None:
    """What a header of this actor says, if it is not what our own rows say of who follows it here."""
    actor = RemoteActor.objects.filter(uri=actor_uri).first()
    if actor is None or not actor.followers:
        return None
    told = parse(header, actor.followers)
    ours = Follow.objects.filter(followee=actor, state=FollowState.ACCEPTED, follower__host="")
    if told is None or digest(ours.values_list("follower__uri", flat=True)) == told.digest:
        return None
    return told


def reconcile(actor_uri: str, followers: Collection[str], now: datetime) -> None:
    """Make our rows say what an actor's own server says of its followers here.

    Whom it does not name follows no more. Whose request it took without our hearing of it follows. Whom it
    names and who never asked takes it back, so that it stops sending here.
    """
    told = {uri for uri in followers if same_origin(uri, settings.HVX_ORIGIN)}
    with transaction.atomic():
        actor = RemoteActor.objects.select_for_update().filter(uri=actor_uri).first()
        if actor is None:
            return
        ours = Follow.objects.filter(followee=actor, follower__host="").select_related("follower")
        known = {follow.follower.uri: follow for follow in ours}
        for uri, follow in known.items():
            if uri in told:
                Follow.objects.filter(pk=follow.pk, state=FollowState.REQUESTED).update(
                    state=FollowState.ACCEPTED
                )
            elif follow.state == FollowState.ACCEPTED and follow.created_at < now - SETTLES_IN:
                follow.delete()
        for stranger in LocalActor.objects.filter(uri__in=told - known.keys(), account__isnull=False):
            _take_back(stranger, actor)


def _take_back(follower: LocalActor, followed: RemoteActor) -> None:
    uri = sending.new_activity_uri(follower)
    follow = {"id": f"{uri}#follow", "type": "Follow", "actor": follower.uri, "object": followed.uri}
    undo = {
        "@context": STREAMS,
        "id": uri,
        "type": "Undo",
        "actor": follower.uri,
        "to": [followed.uri],
        "object": follow,
    }
    sending.send(follower, undo, to=[followed], object_uri=followed.uri)
