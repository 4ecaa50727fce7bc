"""What people here do not want to hear of, and what moderators do not want to keep."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from activitypub.models import (
    Block,
    Follow,
    FollowState,
    HostBlock,
    HostPolicy,
    LocalActor,
    Mute,
    Notification,
    NotificationType,
    Post,
    RemoteActor,
    Severity,
)
from activitypub.protocol.documents import objects
from activitypub.protocol.documents.shapes import Text
from activitypub.services import posts
from activitypub.services.notifications import notify

BOB = "https://social.peer.example/users/bob"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob() -> RemoteActor:
    return RemoteActor.objects.create(
        uri=BOB, host="social.peer.example", username="bob", inbox=f"{BOB}/inbox"
    )


@pytest.fixture
def alice() -> LocalActor:
    uri = "https://here.example/users/alice"
    return LocalActor.objects.create(uri=uri, username="alice", inbox=f"{uri}/inbox")


def told(recipient: LocalActor, actor: RemoteActor) -> int:
    """How often the recipient has been told when the actor has named them."""
    notify(recipient, actor, NotificationType.MENTION)
    return Notification.objects.filter(recipient=recipient).count()


def test_who_is_named_is_told(alice: LocalActor, bob: RemoteActor) -> None:
    assert told(alice, bob) == 1


def test_a_block_a_block_of_the_host_and_a_mute_each_keep_it_quiet(
    alice: LocalActor, bob: RemoteActor
) -> None:
    for unwanted in (
        Block(actor=alice, target=bob),
        HostBlock(actor=alice, host=bob.host),
        Mute(actor=alice, target=bob),
    ):
        unwanted.save()
        assert told(alice, bob) == 0
        unwanted.delete()
    assert told(alice, bob) == 1


def test_a_mute_that_is_over_or_lets_notifications_through_keeps_nothing_quiet(
    alice: LocalActor, bob: RemoteActor
) -> None:
    mute = Mute.objects.create(actor=alice, target=bob, until=timezone.now() - timedelta(hours=1))
    assert told(alice, bob) == 1
    mute.until, mute.notifications = None, False
    mute.save()
    assert told(alice, bob) == 2


def test_of_somebody_on_a_silenced_host_those_hear_who_follow_them(
    alice: LocalActor, bob: RemoteActor
) -> None:
    HostPolicy.objects.create(host="peer.example", severity=Severity.SILENCE)
    assert told(alice, bob) == 0
    Follow.objects.create(follower=alice, followee=bob, state=FollowState.ACCEPTED)
    assert told(alice, bob) == 1


def test_nobody_elsewhere_and_nobody_of_their_own_doing_is_told(alice: LocalActor, bob: RemoteActor) -> None:
    notify(bob, alice, NotificationType.MENTION)
    notify(alice, alice, NotificationType.MENTION)
    assert not Notification.objects.exists()


def test_what_is_liked_again_is_told_once(alice: LocalActor, bob: RemoteActor) -> None:
    post = Post.objects.create(uri="x", author=alice, visibility="public", published=timezone.now())
    for _ in range(2):
        notify(alice, bob, NotificationType.FAVOURITE, post)
    assert Notification.objects.count() == 1


@pytest.mark.parametrize("rejected", [True, False])
def test_of_a_host_without_media_the_words_are_kept(bob: RemoteActor, rejected: bool) -> None:
    HostPolicy.objects.create(host="peer.example", severity=Severity.NONE, reject_media=rejected)
    note = objects.post(
        {
            "id": f"{BOB}/1",
            "type": "Note",
            "attributedTo": BOB,
            "to": [PUBLIC],
            "content": "<p>look</p>",
            "attachment": [{"type": "Image", "url": "https://peer.example/1.png"}],
            "tag": [{"type": "Emoji", "name": ":look:", "icon": {"url": "https://peer.example/2.png"}}],
        }
    )
    row = posts.store(note, bob, now=timezone.now())
    media = 0 if rejected else 1
    assert (row.content, len(row.attachments), len(row.emoji)) == ("<p>look</p>", media, media)
    # Nor does an edit bring them.
    posts.revise(row, replace(note, content=Text("<p>look again</p>")), now=timezone.now())
    row.refresh_from_db()
    assert (row.content, len(row.attachments), len(row.emoji)) == ("<p>look again</p>", media, media)


def test_what_is_old_when_it_comes_is_kept_and_no_news(alice: LocalActor, bob: RemoteActor) -> None:
    note = objects.post(
        {
            "id": f"{BOB}/1",
            "type": "Note",
            "attributedTo": BOB,
            "to": [PUBLIC],
            "published": "2021-01-01T00:00:00Z",
            "content": "<p>long ago</p>",
            "tag": [{"type": "Mention", "href": alice.uri}],
        }
    )
    row = posts.store(note, bob, now=timezone.now())
    newer = posts.store(
        objects.post({**note.raw, "id": f"{BOB}/2", "published": None}), bob, now=timezone.now()
    )
    assert row.pk < newer.pk
    assert list(Notification.objects.values_list("post", flat=True)) == [newer.pk]


def test_what_says_that_it_is_from_to_morrow_stands_where_it_came(bob: RemoteActor) -> None:
    now = timezone.now()
    note = {"id": f"{BOB}/1", "type": "Note", "attributedTo": BOB, "to": [PUBLIC], "content": "<p>soon</p>"}
    early = posts.store(objects.post({**note, "published": "2999-01-01T00:00:00Z"}), bob, now=now)
    later = posts.store(objects.post({**note, "id": f"{BOB}/2"}), bob, now=timezone.now())
    assert early.published == now
    assert early.pk < later.pk
