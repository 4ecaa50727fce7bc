"""Follows, answers to them, blocks: what comes of them between others and the people here."""

from typing import Any

import orjson
import pytest
from django.conf import settings

from activitypub.models import (
    Actor,
    Block,
    Follow,
    FollowState,
    HostBlock,
    HostPolicy,
    LocalActor,
    Notification,
    RemoteActor,
    Sent,
    Severity,
)
from tests.activitypub.inbox.effects import does, everything, neighbour


def asked(follower: Actor, followee: Actor, state: FollowState = FollowState.REQUESTED) -> Follow:
    return Follow.objects.create(
        follower=follower, followee=followee, state=state, uri=f"{follower.uri}/objects/7"
    )


def sent() -> list[dict[str, Any]]:
    return [orjson.loads(bytes(body)) for body in Sent.objects.order_by("pk").values_list("body", flat=True)]


def told(recipient: Actor) -> list[str]:
    return list(Notification.objects.filter(recipient=recipient).values_list("type", flat=True))


# --- Refused -----------------------------------------------------------------------------------------


def test_nobody_follows_who_is_not_here(bob: RemoteActor, mallory: RemoteActor, alice: LocalActor) -> None:
    before = everything()
    for uri in (mallory.uri, f"{alice.uri}x", f"{alice.uri}#main-key", f"{settings.HVX_ORIGIN}/actor"):
        assert does(bob, "Follow", object=uri) == "unknown_actor"
    assert everything() == before


def test_a_yes_to_what_nobody_asked_has_no_effect(bob: RemoteActor, alice: LocalActor) -> None:
    before = everything()
    never = {"type": "Follow", "actor": alice.uri, "object": bob.uri}
    for what in (f"{alice.uri}/objects/1", never, never | {"id": f"{alice.uri}/objects/1"}):
        for answer in ("Accept", "Reject"):
            assert does(bob, answer, object=what) == "answer_to_nothing_asked"
    assert everything() == before


def test_nobody_answers_what_another_was_asked(
    bob: RemoteActor, mallory: RemoteActor, alice: LocalActor
) -> None:
    follow = asked(alice, bob)
    before = everything()
    for answer in ("Accept", "Reject"):
        assert does(mallory, answer, object=follow.uri) == "answered_by_another_actor"
        whole = {"id": follow.uri, "type": "Follow", "actor": alice.uri, "object": mallory.uri}
        assert does(mallory, answer, object=whole) == "answered_by_another_actor"
    assert everything() == before


def test_nobody_accepts_in_the_name_of_a_person_here(bob: RemoteActor, alice: LocalActor) -> None:
    LocalActor.objects.filter(pk=alice.pk).update(locked=True)
    assert does(bob, "Follow", object=alice.uri) == "done"
    request = Follow.objects.get()
    before = everything()
    assert does(bob, "Accept", object=request.uri) == "answer_to_nothing_asked"
    assert everything() == before


def test_nobody_undoes_anothers_follow_or_block(
    bob: RemoteActor, mallory: RemoteActor, alice: LocalActor
) -> None:
    eve = neighbour("eve")
    follow = asked(bob, alice, FollowState.ACCEPTED)
    block = Block.objects.create(actor=bob, target=alice, uri=f"{bob.uri}/blocks/1")
    before = everything()
    for row in (follow, block):
        # One of the same host, who could have made such an id; and one of another, who could not.
        assert does(eve, "Undo", object=row.uri) == "undone_by_another_actor"
        assert does(mallory, "Undo", object=row.uri) == "undone_by_another_actor"
    assert everything() == before


# --- Follow ------------------------------------------------------------------------------------------


def test_who_follows_somebody_that_lets_everybody_is_accepted(bob: RemoteActor, alice: LocalActor) -> None:
    assert does(bob, "Follow", object=alice.uri) == "done"
    follow = Follow.objects.get()
    assert (follow.follower_id, follow.followee_id, follow.state) == (bob.pk, alice.pk, "accepted")
    (accept,) = sent()
    assert (accept["type"], accept["actor"], accept["object"]["id"]) == ("Accept", alice.uri, follow.uri)
    assert told(alice) == ["follow"]


def test_somebody_who_approves_followers_is_asked(bob: RemoteActor, alice: LocalActor) -> None:
    LocalActor.objects.filter(pk=alice.pk).update(locked=True)
    assert does(bob, "Follow", object=alice.uri) == "done"
    assert Follow.objects.get().state == "requested"
    assert (sent(), told(alice)) == ([], ["follow_request"])


def test_who_is_on_a_silenced_host_has_to_ask(bob: RemoteActor, alice: LocalActor) -> None:
    HostPolicy.objects.create(host="example", severity=Severity.SILENCE)
    assert does(bob, "Follow", object=alice.uri) == "done"
    assert Follow.objects.get().state == "requested"


def test_asked_again_it_is_answered_again_and_told_once(bob: RemoteActor, alice: LocalActor) -> None:
    for _ in range(2):
        assert does(bob, "Follow", object=alice.uri) == "done"
    follow = Follow.objects.get()
    assert [answer["type"] for answer in sent()] == ["Accept", "Accept"]
    assert sent()[1]["object"]["id"] == follow.uri
    assert told(alice) == ["follow"]


@pytest.mark.parametrize("why", ["block", "host_block", "moved"])
def test_whom_the_person_does_not_want_is_refused(bob: RemoteActor, alice: LocalActor, why: str) -> None:
    if why == "block":
        Block.objects.create(actor=alice, target=bob)
    elif why == "host_block":
        HostBlock.objects.create(actor=alice, host=bob.host)
    else:
        LocalActor.objects.filter(pk=alice.pk).update(moved_to="https://new.example/alice")
    assert does(bob, "Follow", object=alice.uri) == "done"
    (reject,) = sent()
    assert (reject["type"], reject["object"]["actor"]) == ("Reject", bob.uri)
    assert not Follow.objects.exists()
    assert told(alice) == []


def test_a_follow_is_undone_by_its_id_and_by_what_it_says(bob: RemoteActor, alice: LocalActor) -> None:
    for form in ("id", "whole", "without id", "another id"):
        follow = asked(bob, alice, FollowState.ACCEPTED)
        whole = {"type": "Follow", "actor": bob.uri, "object": alice.uri}
        forms = {
            "id": follow.uri,
            "whole": whole | {"id": follow.uri},
            "without id": whole,
            "another id": whole | {"id": f"{bob.uri}/follows/other"},
        }
        assert does(bob, "Undo", object=forms[form]) == "done"
        assert not Follow.objects.exists()


# --- Accept and Reject -------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [False, True])
def test_a_yes_lets_a_person_here_follow(bob: RemoteActor, alice: LocalActor, whole: bool) -> None:
    follow = asked(alice, bob)
    inline = {"type": "Follow", "actor": alice.uri, "object": bob.uri, "id": f"{bob.uri}/other"}
    assert does(bob, "Accept", object=inline if whole else follow.uri) == "done"
    assert Follow.objects.get().state == "accepted"
    assert does(bob, "Accept", object=follow.uri) == "known"
    assert sent() == []


@pytest.mark.parametrize("state", FollowState)
def test_a_no_ends_a_request_and_a_follow(bob: RemoteActor, alice: LocalActor, state: FollowState) -> None:
    follow = asked(alice, bob, state)
    assert does(bob, "Reject", object=follow.uri) == "done"
    assert not Follow.objects.exists()
    assert does(bob, "Reject", object=follow.uri) == "answer_to_nothing_asked"


# --- Block -------------------------------------------------------------------------------------------


def test_a_block_ends_what_is_between_the_two_both_ways(
    bob: RemoteActor, mallory: RemoteActor, alice: LocalActor
) -> None:
    asked(bob, alice, FollowState.ACCEPTED)
    asked(alice, bob, FollowState.ACCEPTED)
    other = asked(mallory, alice, FollowState.ACCEPTED)
    assert does(bob, "Block", object=alice.uri) == "done"
    assert list(Follow.objects.all()) == [other]
    block = Block.objects.get()
    assert (block.actor_id, block.target_id) == (bob.pk, alice.pk)
    assert does(bob, "Block", object=alice.uri) == "known"
    assert told(alice) == []
    assert does(bob, "Undo", object=block.uri) == "done"
    assert not Block.objects.exists()


def test_a_block_of_somebody_elsewhere_is_nothing_to_this_server(
    bob: RemoteActor, mallory: RemoteActor
) -> None:
    before = everything()
    assert does(bob, "Block", object=mallory.uri) == "unknown_actor"
    assert everything() == before
