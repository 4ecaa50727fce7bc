"""What people of this server are shown."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from activitypub.models import (
    Actor,
    Block,
    Boost,
    Follow,
    FollowState,
    HostBlock,
    HostPolicy,
    LocalActor,
    Mention,
    Mute,
    NotificationType,
    Post,
    Severity,
    Visibility,
)
from activitypub.queries import timelines
from activitypub.queries.timelines import MOST, Place
from activitypub.services.notifications import notify
from tests.activitypub.test_actors import remote

PUBLIC, UNLISTED, PRIVATE, DIRECT = (
    Visibility.PUBLIC, Visibility.UNLISTED, Visibility.PRIVATE, Visibility.DIRECT,
)  # fmt: skip


@pytest.fixture
def bob(alice: LocalActor) -> Actor:
    """Somebody elsewhere whom Alice follows."""
    bob = remote()
    Follow.objects.create(follower=alice, followee=bob, state=FollowState.ACCEPTED)
    return bob


def post(author: Actor, visibility: Visibility = PUBLIC, **what: Any) -> Post:
    uri = f"{author.uri}/{Post.objects.count()}"
    parent = what.get("in_reply_to")
    return Post.objects.create(
        uri=uri,
        author=author,
        visibility=visibility,
        published=timezone.now(),
        in_reply_to_uri=parent.uri if parent else "",
        **what,
    )


def boost(actor: Actor, boosted: Post) -> Boost:
    return Boost.objects.create(
        actor=actor,
        post=boosted,
        visibility=PUBLIC,
        uri=f"{actor.uri}/b{boosted.pk}",
        published=timezone.now(),
    )


def home(viewer: LocalActor, **place: Any) -> list[int]:
    return [entry.id for entry in timelines.home(viewer, Place(**place))]


# --- Not shown ---------------------------------------------------------------------------------------


def test_home_has_nothing_of_whom_one_does_not_follow(alice: LocalActor) -> None:
    stranger, asked = remote("stranger"), remote("asked")
    Follow.objects.create(follower=alice, followee=asked)
    Follow.objects.create(follower=stranger, followee=alice, state=FollowState.ACCEPTED)
    for author in (stranger, asked):
        boost(author, post(author))
    assert home(alice) == []


def test_home_has_no_direct_posts_and_no_answers_to_strangers(alice: LocalActor, bob: Actor) -> None:
    direct = post(bob, DIRECT)
    Mention.objects.create(post=direct, actor=alice)
    post(bob, in_reply_to=post(remote("stranger")))
    post(bob, in_reply_to=None, conversation="x")
    assert len(home(alice)) == 1


def test_an_answer_to_what_is_not_known_here_is_not_in_home(alice: LocalActor, bob: Actor) -> None:
    Post.objects.create(
        uri=f"{bob.uri}/x", author=bob, visibility=PUBLIC, published=timezone.now(),
        in_reply_to_uri="https://elsewhere.example/1",
    )  # fmt: skip
    assert home(alice) == []


@pytest.mark.parametrize("how", ["block", "blocked", "mute", "host", "suspended"])
def test_of_whom_one_wants_nothing_one_sees_nothing_anywhere(alice: LocalActor, bob: Actor, how: str) -> None:
    friend = remote("friend", "friends.example")
    Follow.objects.create(follower=alice, followee=friend, state=FollowState.ACCEPTED)
    theirs = post(bob)
    boost(friend, theirs)
    boost(bob, post(remote("third", "third.example")))
    notify(alice, bob, NotificationType.MENTION, theirs)
    assert len(home(alice)) == 2
    assert len(timelines.public(alice)) == 2
    assert len(timelines.notifications(alice)) == 1
    match how:
        case "block":
            Block.objects.create(actor=alice, target=bob)
        case "blocked":
            Block.objects.create(actor=bob, target=alice)
        case "mute":
            Mute.objects.create(actor=alice, target=bob)
        case "host":
            HostBlock.objects.create(actor=alice, host=bob.host)
        case "suspended":
            Actor.objects.filter(pk=bob.pk).update(suspended_at=timezone.now())
    assert all(entry.post.author_id != bob.pk for entry in timelines.home(alice))
    assert [entry.post.author.username for entry in timelines.public(alice)] == ["third"]
    assert timelines.notifications(alice) == []
    if how != "suspended":
        assert home(alice) == []


def test_a_mute_that_is_over_hides_nothing(alice: LocalActor, bob: Actor) -> None:
    Mute.objects.create(actor=alice, target=bob, until=timezone.now() - timedelta(seconds=1))
    shown = post(bob)
    assert home(alice) == [shown.pk]


def test_public_timelines_have_public_posts_alone(alice: LocalActor, bob: Actor) -> None:
    for visibility in (UNLISTED, PRIVATE, DIRECT):
        post(alice, visibility)
        post(bob, visibility)
    post(bob, in_reply_to=post(bob, UNLISTED), conversation="x")
    boost(alice, Post.objects.filter(visibility=UNLISTED).latest("pk"))
    assert len(timelines.public(None)) == 1
    assert timelines.local(None) == []


def test_a_silenced_host_is_in_no_public_timeline_but_at_home_to_who_follows(
    alice: LocalActor, bob: Actor
) -> None:
    HostPolicy.objects.create(host="example", severity=Severity.SILENCE)
    shown = post(bob)
    assert timelines.public(alice) == timelines.public(None) == []
    assert home(alice) == [shown.pk]


def test_a_page_is_never_longer_than_allowed(alice: LocalActor) -> None:
    for _ in range(MOST + 2):
        post(alice)
    assert len(home(alice, limit=10_000)) == MOST
    assert len(home(alice, limit=-5)) == 1


# --- Shown -------------------------------------------------------------------------------------------


def test_home_has_the_posts_and_boosts_of_those_one_follows_and_ones_own_by_id(
    alice: LocalActor, bob: Actor
) -> None:
    old = post(remote("stranger"))
    first = post(bob)
    own = post(alice, PRIVATE)
    boosted = boost(bob, old)
    last = post(bob, PRIVATE)
    assert home(alice) == [last.pk, boosted.pk, own.pk, first.pk]
    assert timelines.home(alice)[1].post == old


def test_home_has_answers_among_those_one_follows(alice: LocalActor, bob: Actor) -> None:
    own = post(alice)
    answer = post(bob, in_reply_to=own)
    thread = post(bob, in_reply_to=answer)
    assert home(alice) == [thread.pk, answer.pk, own.pk]


def test_a_post_that_several_boost_is_shown_once(alice: LocalActor, bob: Actor) -> None:
    other = remote("other")
    Follow.objects.create(follower=alice, followee=other, state=FollowState.ACCEPTED)
    shown = post(bob)
    boost(bob, shown)
    newest = boost(other, shown)
    assert home(alice) == [newest.pk]


def test_pages_go_on_where_the_last_one_ended(alice: LocalActor, bob: Actor) -> None:
    ids = []
    for _ in range(4):
        ids.append(post(bob).pk)
        ids.append(boost(bob, post(remote(f"s{len(ids)}"))).pk)
    ids.reverse()
    first = home(alice, limit=3)
    assert first == ids[:3]
    assert home(alice, limit=3, before=first[-1]) == ids[3:6]
    assert home(alice, after=ids[2]) == ids[:2]


def test_local_is_of_here_and_public_of_everywhere(alice: LocalActor, bob: Actor) -> None:
    ours, theirs = post(alice), post(bob)
    for viewer in (None, alice):
        assert [entry.id for entry in timelines.local(viewer)] == [ours.pk]
        assert [entry.id for entry in timelines.public(viewer)] == [theirs.pk, ours.pk]


@pytest.mark.parametrize("name", ["home", "local", "public", "notifications"])
def test_a_timeline_costs_as_many_queries_for_many_as_for_one(
    alice: LocalActor, bob: Actor, name: str
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            for entry in getattr(timelines, name)(alice):
                assert (entry.post.author.uri, str(entry)) != ("", "")
        return len(queries)

    def more() -> None:
        notify(alice, bob, NotificationType.MENTION, post(bob))
        post(alice)
        boost(bob, post(alice))

    more()
    one = cost()
    for _ in range(5):
        more()
    assert cost() == one
