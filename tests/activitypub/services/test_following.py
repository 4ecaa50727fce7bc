"""Following, between people of this server and of others."""

from typing import Any

import orjson
import pytest
from django.utils import timezone

from activitypub.errors import BlockedByThem, FollowImpossible, UnknownActor, UnknownFollow
from activitypub.models import (
    Actor,
    Block,
    Delivery,
    Follow,
    FollowState,
    HostPolicy,
    LocalActor,
    Notification,
    Sent,
    Severity,
)
from activitypub.queries.actors import instance
from activitypub.services import actors, following
from tests.activitypub.test_actors import actor_of, remote
from tests.people import Person

REQUESTED, ACCEPTED = FollowState.REQUESTED, FollowState.ACCEPTED


@pytest.fixture
def carol(person: Person) -> LocalActor:
    other = Person(person.wire)
    other.register().expect(201)
    return actor_of(other)


def state(follower: Actor, followee: Actor) -> str:
    return Follow.objects.get(follower_id=follower.pk, followee_id=followee.pk).state


def told() -> list[str]:
    return list(Notification.objects.order_by("pk").values_list("type", flat=True))


def last_sent(inbox: str) -> dict[str, Any]:
    """The newest activity, which goes to this inbox and no other."""
    sent = Sent.objects.order_by("pk").last()
    assert sent is not None
    assert list(Delivery.objects.filter(activity=sent).values_list("inbox", flat=True)) == [inbox]
    assert not sent.public
    body: dict[str, Any] = orjson.loads(bytes(sent.body))
    assert body["id"] == sent.uri
    return body


# --- Refused -----------------------------------------------------------------------------------------


def test_nobody_follows_themselves(alice: LocalActor) -> None:
    with pytest.raises(FollowImpossible):
        following.follow(alice, alice)
    assert not Follow.objects.exists()


def test_the_server_itself_is_not_followed(alice: LocalActor) -> None:
    actors.make_missing()
    with pytest.raises(FollowImpossible):
        following.follow(alice, instance())


def test_who_is_suspended_is_not_followed(alice: LocalActor) -> None:
    with pytest.raises(FollowImpossible):
        following.follow(alice, remote(suspended_at=timezone.now()))


def test_nobody_of_a_suspended_host_is_followed_or_follows(alice: LocalActor) -> None:
    HostPolicy.objects.create(host="remote.example", severity=Severity.SUSPEND)
    bob = remote()
    with pytest.raises(FollowImpossible):
        following.follow(alice, bob)
    with pytest.raises(FollowImpossible):
        following.request(bob, alice, "https://remote.example/follows/1")
    assert not Follow.objects.exists()


@pytest.mark.parametrize("elsewhere", [True, False])
def test_whoever_is_blocked_does_not_follow(alice: LocalActor, carol: LocalActor, elsewhere: bool) -> None:
    target: Actor = remote() if elsewhere else carol
    Block.objects.create(actor=target, target=alice)
    with pytest.raises(BlockedByThem):
        following.follow(alice, target)
    assert not Follow.objects.exists()
    assert not Sent.objects.exists()


def test_who_was_erased_follows_nobody(alice: LocalActor) -> None:
    alice.account_id = None
    with pytest.raises(UnknownActor):
        following.follow(alice, remote())
    assert not Follow.objects.exists()


@pytest.mark.parametrize("accepted", [True, False])
def test_what_was_never_asked_is_not_answered(alice: LocalActor, accepted: bool) -> None:
    with pytest.raises(UnknownFollow):
        following.answer(alice, remote(), accepted=accepted)
    assert not Sent.objects.exists()


def test_what_was_never_followed_is_not_unfollowed(alice: LocalActor) -> None:
    with pytest.raises(UnknownFollow):
        following.unfollow(alice, remote())


def test_what_was_accepted_is_not_accepted_twice(alice: LocalActor) -> None:
    alice.locked = True
    bob = remote()
    following.request(bob, alice, "https://remote.example/follows/1")
    following.answer(alice, bob, accepted=True)
    with pytest.raises(UnknownFollow):
        following.answer(alice, bob, accepted=True)
    assert Sent.objects.count() == 1


# --- Here --------------------------------------------------------------------------------------------


def test_a_follow_within_the_server_holds_at_once_and_nothing_is_sent(
    alice: LocalActor, carol: LocalActor
) -> None:
    assert following.follow(alice, carol).state == ACCEPTED
    assert state(alice, carol) == ACCEPTED
    assert told() == ["follow"]
    assert not Sent.objects.exists()
    following.unfollow(alice, carol)
    assert not Follow.objects.exists()


def test_who_approves_is_asked_first(alice: LocalActor, carol: LocalActor) -> None:
    carol.locked = True
    carol.save()
    assert following.follow(alice, carol).state == REQUESTED
    assert told() == ["follow_request"]
    following.answer(carol, alice, accepted=True)
    assert state(alice, carol) == ACCEPTED
    assert told() == ["follow"]


def test_a_refused_request_leaves_nothing_and_may_be_asked_again(
    alice: LocalActor, carol: LocalActor
) -> None:
    carol.locked = True
    carol.save()
    following.follow(alice, carol)
    following.answer(carol, alice, accepted=False)
    assert not Follow.objects.exists()
    assert told() == []
    assert following.follow(alice, carol).state == REQUESTED


# --- Elsewhere ---------------------------------------------------------------------------------------


def test_somebody_elsewhere_is_asked_and_nothing_holds_before_they_answer(alice: LocalActor) -> None:
    bob = remote()
    made = following.follow(alice, bob)
    assert made.state == REQUESTED
    assert last_sent(bob.inbox) == {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": made.uri,
        "type": "Follow",
        "actor": alice.uri,
        "object": bob.uri,
        "to": [bob.uri],
    }
    assert following.accept(made)
    assert state(alice, bob) == ACCEPTED
    assert Sent.objects.count() == 1


def test_to_follow_twice_is_to_follow_once(alice: LocalActor) -> None:
    bob = remote()
    assert following.follow(alice, bob).pk == following.follow(alice, bob).pk
    assert Sent.objects.count() == 1


def test_unfollowing_tells_the_other_server_which_follow_it_was(alice: LocalActor) -> None:
    bob = remote()
    made = following.follow(alice, bob)
    following.accept(made)
    following.unfollow(alice, bob)
    undo = last_sent(bob.inbox)
    assert (undo["type"], undo["actor"]) == ("Undo", alice.uri)
    assert undo["object"] == {"id": made.uri, "type": "Follow", "actor": alice.uri, "object": bob.uri}
    assert not Follow.objects.exists()


def test_a_refusal_from_elsewhere_ends_the_follow_and_is_not_answered(alice: LocalActor) -> None:
    made = following.follow(alice, remote())
    assert following.reject(made)
    assert not following.reject(made)
    assert not Follow.objects.exists()
    assert Sent.objects.count() == 1


def test_a_follow_from_elsewhere_is_accepted_at_once_where_nobody_approves(alice: LocalActor) -> None:
    bob = remote()
    uri = "https://remote.example/follows/1"
    following.request(bob, alice, uri)
    assert state(bob, alice) == ACCEPTED
    accept = last_sent(bob.inbox)
    assert (accept["type"], accept["actor"], accept["to"]) == ("Accept", alice.uri, [bob.uri])
    assert accept["object"] == {"id": uri, "type": "Follow", "actor": bob.uri, "object": alice.uri}
    assert told() == ["follow"]


def test_a_server_that_asks_again_for_what_was_accepted_is_told_again(alice: LocalActor) -> None:
    bob = remote()
    following.request(bob, alice, "https://remote.example/follows/1")
    assert following.request(bob, alice, "https://remote.example/follows/2") is None
    assert last_sent(bob.inbox)["object"]["id"] == "https://remote.example/follows/2"
    assert Follow.objects.count() == 1
    assert told() == ["follow"]


@pytest.mark.parametrize(("accepted", "kind"), [(True, "Accept"), (False, "Reject")])
def test_an_answer_to_somebody_elsewhere_is_sent(alice: LocalActor, accepted: bool, kind: str) -> None:
    alice.locked = True
    bob = remote()
    following.request(bob, alice, "https://remote.example/follows/1")
    assert state(bob, alice) == REQUESTED
    assert not Sent.objects.exists()
    following.answer(alice, bob, accepted=accepted)
    answer = last_sent(bob.inbox)
    assert (answer["type"], answer["object"]["actor"]) == (kind, bob.uri)
    assert Follow.objects.exists() is accepted


def test_a_follower_can_be_sent_away(alice: LocalActor) -> None:
    bob = remote()
    following.request(bob, alice, "")
    following.answer(alice, bob, accepted=False)
    reject = last_sent(bob.inbox)
    assert reject["type"] == "Reject"
    assert reject["object"] == {"type": "Follow", "actor": bob.uri, "object": alice.uri}
    assert not Follow.objects.exists()


def test_who_unfollows_from_elsewhere_is_not_answered(alice: LocalActor) -> None:
    bob = remote()
    made = following.request(bob, alice, "https://remote.example/follows/1")
    assert made is not None
    sent = Sent.objects.count()
    assert following.end(made)
    assert Sent.objects.count() == sent
