"""An actor that has done everything once, with another of another server."""

from dataclasses import dataclass

from django.utils import timezone

from activitypub.models import (
    Block,
    Bookmark,
    Boost,
    Deleted,
    Edition,
    Follow,
    FollowState,
    Hashtag,
    HostBlock,
    Like,
    LocalActor,
    Mention,
    Mute,
    Notification,
    Pin,
    Post,
    QuoteRequest,
    Received,
    RemoteActor,
    Report,
    Sent,
    Vote,
)
from activitypub.models.notifications import NotificationType
from activitypub.models.posts import Visibility


@dataclass(frozen=True)
class Life:
    """`own` and `foreign` are a post of each."""

    own: Post
    foreign: Post


def post(author: LocalActor | RemoteActor, number: int, text: str, **what: object) -> Post:
    return Post.objects.create(
        uri=f"{author.uri}/objects/{number}",
        author=author,
        visibility=Visibility.PUBLIC,
        content=text,
        published=timezone.now(),
        **what,
    )


def live(actor: LocalActor, other: RemoteActor) -> Life:
    """A row of every table that the room has of an actor, by it and about it."""
    foreign = post(other, 1, "from elsewhere")
    own = post(actor, 1, "a quiet morning", in_reply_to=foreign, quote=foreign)
    post(other, 2, "an answer", in_reply_to=own, in_reply_to_uri=own.uri)
    now = timezone.now()
    Edition.objects.create(post=own, content="an early draft", written_at=now)
    Hashtag.objects.create(post=own, name="mornings")
    Mention.objects.create(post=own, actor=other)
    Mention.objects.create(post=foreign, actor=actor)
    for one, its in ((actor, foreign), (other, own)):
        Like.objects.create(actor=one, post=its)
        Boost.objects.create(
            actor=one, post=its, uri=f"{one.uri}/boosts/1", visibility="public", published=now
        )
        Vote.objects.create(actor=one, post=its, option=1)
        QuoteRequest.objects.create(asker=one, post=its, uri=f"{one.uri}/asks", quoting_uri=f"{one.uri}/5")
    Pin.objects.create(actor=actor, post=own)
    Bookmark.objects.create(actor=actor, post=foreign)
    Follow.objects.create(follower=other, followee=actor, state=FollowState.ACCEPTED)
    Follow.objects.create(follower=actor, followee=other)
    for one, target in ((actor, other), (other, actor)):
        Block.objects.create(actor=one, target=target)
        Mute.objects.create(actor=one, target=target)
        Report.objects.create(reporter=one, target=target, comment=f"a complaint about {target.username}")
    HostBlock.objects.create(actor=actor, host="loud.example")
    Notification.objects.create(recipient=actor, actor=other, type=NotificationType.MENTION, post=foreign)
    Sent.objects.create(actor=actor, uri=f"{actor.uri}/objects/9", type="Create", body=b"{}", public=True)
    Deleted.objects.create(uri=f"{actor.uri}/objects/8")
    Received.objects.create(
        digest=bytes(32), actor=other.uri, recipient=actor.username, body=b"{}", received_at=now
    )
    return Life(own, foreign)
