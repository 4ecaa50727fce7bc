"""Somebody of another server asks to follow a person of this one."""

from django.db import transaction

from activitypub import rendering
from activitypub.errors import BlockedByThem, FollowImpossible
from activitypub.models import Follow, HostBlock, LocalActor, RemoteActor
from activitypub.services import following, sending


@transaction.atomic
def ask(follower: RemoteActor, followee: LocalActor, uri: str) -> None:
    """Keep what is asked by the Follow with that id, and let the follower's server know what is answered at
    once: yes, or no to whom the person wants nothing of, and where nobody is since they moved."""
    if followee.moved_to or HostBlock.objects.filter(actor=followee, host=follower.host).exists():
        _refuse(follower, followee, uri)
        return
    try:
        following.request(follower, followee, uri)
    except (BlockedByThem, FollowImpossible):
        _refuse(follower, followee, uri)


def _refuse(follower: RemoteActor, followee: LocalActor, uri: str) -> None:
    Follow.objects.filter(follower=follower, followee=followee).delete()
    asked = Follow(follower=follower, followee=followee, uri=uri)
    document = rendering.answer_document(asked, "Reject", sending.new_activity_uri(followee))
    sending.send(followee, document, to=[follower], object_uri=uri)
