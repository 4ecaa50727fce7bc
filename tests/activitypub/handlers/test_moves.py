"""Somebody moves from one server to another, and who followed them from here follows them there."""

from typing import Any

import orjson
import pytest
from django.utils import timezone

from activitypub.inbox.context import Context, Needs
from activitypub.inbox.handlers import move
from activitypub.models import (
    Actor,
    Block,
    Follow,
    FollowState,
    HostPolicy,
    LocalActor,
    Notification,
    RemoteActor,
    Sent,
    Severity,
)
from activitypub.protocol.documents.activities import activity as read_activity
from activitypub.services import moving
from tests.activitypub.coming_due import do_due
from tests.activitypub.inbox.effects import activity, does, everything, neighbour
from tests.activitypub.senders import STREAMS
from tests.activitypub.test_actors import actor_of
from tests.people import Person

NEW = "https://new.example/users/bob"


def target(*names: str, **changed: Any) -> dict[str, dict[str, Any]]:
    document = {
        "@context": STREAMS,
        "id": NEW,
        "type": "Person",
        "preferredUsername": "bob",
        "inbox": f"{NEW}/inbox",
        "alsoKnownAs": list(names),
        **changed,
    }
    return {NEW: document}


def follows(follower: Actor, followee: Actor) -> Follow:
    return Follow.objects.create(
        follower=follower, followee=followee, state=FollowState.ACCEPTED, uri=f"{follower.uri}/objects/3"
    )


# --- Refused -----------------------------------------------------------------------------------------


def test_a_move_that_the_target_does_not_confirm_moves_nobody(bob: RemoteActor, alice: LocalActor) -> None:
    follows(alice, bob)
    before = everything()
    for names in ((), ("https://near.example/users/eve",), (f"{bob.uri}#", bob.inbox)):
        word = does(bob, "Move", target(*names), object=bob.uri, target=NEW)
        assert word == "move_target_does_not_name_the_actor"
    assert everything() == before


def test_what_is_known_of_the_target_confirms_nothing(bob: RemoteActor, alice: LocalActor) -> None:
    follows(alice, bob)
    RemoteActor.objects.create(
        uri=NEW, host="new.example", username="bob", inbox=f"{NEW}/inbox", also_known_as=[bob.uri]
    )
    before = everything()
    assert does(bob, "Move", target(), object=bob.uri, target=NEW) == "move_target_does_not_name_the_actor"
    assert does(bob, "Move", {}, object=bob.uri, target=NEW) == "fetch_not_found"
    assert everything() == before


def test_nobody_moves_another_or_to_themselves(bob: RemoteActor, alice: LocalActor) -> None:
    mallory = neighbour("mallory", "far.example")
    follows(alice, bob)
    before = everything()
    assert does(mallory, "Move", target(bob.uri), object=bob.uri, target=NEW) == "object_of_another_actor"
    assert does(bob, "Move", object=bob.uri, target=bob.uri) == "move_without_another_target"
    assert does(bob, "Move", object=bob.uri) == "move_without_another_target"
    assert everything() == before


def test_nobody_moves_to_a_person_here_who_does_not_say_so(bob: RemoteActor, alice: LocalActor) -> None:
    follows(alice, bob)
    before = everything()
    word = does(bob, "Move", object=bob.uri, target=alice.uri)
    assert word == "move_target_does_not_name_the_actor"
    assert everything() == before


def test_nobody_moves_to_a_suspended_host(bob: RemoteActor, alice: LocalActor) -> None:
    HostPolicy.objects.create(host="new.example", severity=Severity.SUSPEND)
    follows(alice, bob)
    before = everything()
    assert does(bob, "Move", target(bob.uri), object=bob.uri, target=NEW) == "fetch_host_suspended"
    assert everything() == before


def test_nobody_moves_to_who_is_suspended_or_has_moved(bob: RemoteActor, alice: LocalActor) -> None:
    follows(alice, bob)
    there = RemoteActor.objects.create(uri=NEW, host="new.example", username="bob", inbox=f"{NEW}/inbox")
    RemoteActor.objects.filter(pk=there.pk).update(suspended_at=timezone.now())
    before = everything()
    assert does(bob, "Move", target(bob.uri), object=bob.uri, target=NEW) == "actor_suspended"
    on = target(bob.uri, movedTo="https://third.example/users/bob")
    assert does(bob, "Move", on, object=bob.uri, target=NEW) == "target_has_moved"
    assert everything() == before


def test_nobody_moves_to_a_person_here_who_has_moved(bob: RemoteActor, alice: LocalActor) -> None:
    LocalActor.objects.filter(pk=alice.pk).update(also_known_as=[bob.uri], moved_to=NEW)
    assert does(bob, "Move", object=bob.uri, target=alice.uri) == "target_has_moved"
    LocalActor.objects.filter(pk=alice.pk).update(moved_to="")
    assert does(bob, "Move", object=bob.uri, target=alice.uri) == "done"


def test_what_was_fetched_of_the_target_before_will_not_do(bob: RemoteActor) -> None:
    sent = read_activity(activity(bob, "Move", object=bob.uri, target=NEW))
    with pytest.raises(Needs) as asked:
        move.handle(Context(bob, "", timezone.now()), sent)
    assert (asked.value.uri, asked.value.fresh, asked.value.actor) == (NEW, True, False)


# --- Refused: how often ------------------------------------------------------------------------------


def moves(actor: RemoteActor, **document: Any) -> str:
    return does(actor, "Move", target(actor.uri, **document), object=actor.uri, target=NEW)


def test_nobody_moves_to_and_fro(bob: RemoteActor, alice: LocalActor) -> None:
    follows(alice, bob)
    assert moves(bob) == "done"
    there = RemoteActor.objects.get(uri=NEW)
    own = {**target()[NEW], "id": bob.uri, "inbox": bob.inbox, "alsoKnownAs": [NEW]}
    # Each says first that it is back.
    for back, name in ((bob, own), (there, target()[NEW])):
        assert does(back, "Update", object=name) == "done"
    assert does(there, "Move", {bob.uri: own}, object=NEW, target=bob.uri) == "done"
    assert does(there, "Update", object={**target()[NEW], "movedTo": bob.uri}) == "done"
    does(there, "Update", object=target(bob.uri)[NEW])
    before = everything()
    assert does(bob, "Update", object={**own, "movedTo": NEW}) == "done"
    sent = Sent.objects.count()
    for actor, to in ((bob, NEW), (there, bob.uri)):
        assert does(actor, "Move", {bob.uri: own, **target(bob.uri)}, object=actor.uri, target=to) == (
            "moved_lately"
        )
    assert Sent.objects.count() == sent
    assert everything()["Follow"] == before["Follow"]


def test_for_a_move_that_comes_too_soon_nothing_is_fetched(bob: RemoteActor, alice: LocalActor) -> None:
    follows(alice, bob)
    assert moves(bob) == "done"
    assert does(bob, "Move", {}, object=bob.uri, target="https://third.example/users/bob") == "moved_lately"


def test_after_a_week_one_moves_again(bob: RemoteActor, alice: LocalActor) -> None:
    assert moves(bob) == "done"
    follows(alice, bob)
    RemoteActor.objects.filter(pk=bob.pk).update(moved_at=timezone.now() - moving.EVERY)
    assert moves(bob) == "done"
    assert Follow.objects.get().followee.uri == NEW


def test_to_one_actor_move_no_more_than_have_a_reason_to(
    alice: LocalActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "MOST_TO_ONE", 2)
    people = [neighbour(f"bob{number}", f"near{number}.example") for number in range(4)]
    for one in people:
        follows(alice, one)
    assert [moves(one) for one in people[:2]] == ["done", "done"]
    before = everything()
    assert moves(people[2]) == "too_many_moved_there"
    assert everything()["Follow"] == before["Follow"]
    assert RemoteActor.objects.get(pk=people[2].pk).moved_to == ""
    # What the target says of itself changes none of that.
    there = RemoteActor.objects.get(uri=NEW)
    assert does(there, "Update", object=target()[NEW]) == "done"
    assert moves(people[3]) == "too_many_moved_there"
    old = [(timezone.now() - moving.WITHIN).isoformat(), timezone.now().isoformat()]
    RemoteActor.objects.filter(uri=NEW).update(moved_here=old)
    assert moves(people[3]) == "done"
    assert len(RemoteActor.objects.get(uri=NEW).moved_here or ()) == 2


def test_what_did_not_move_anybody_counts_for_nothing(bob: RemoteActor, alice: LocalActor) -> None:
    follows(alice, bob)
    assert does(bob, "Move", target(), object=bob.uri, target=NEW) == "move_target_does_not_name_the_actor"
    assert moves(bob, movedTo="https://third.example/users/bob") == "target_has_moved"
    assert RemoteActor.objects.get(pk=bob.pk).moved_at is None
    assert moves(bob) == "done"


# --- Moved -------------------------------------------------------------------------------------------


def test_who_followed_follows_there_and_here_no_more(bob: RemoteActor, alice: LocalActor) -> None:
    follows(alice, bob)
    assert does(bob, "Move", target(bob.uri), object=bob.uri, target=NEW) == "done"
    follow = Follow.objects.select_related("followee").get()
    assert (follow.followee.uri, follow.state) == (NEW, "requested")
    assert RemoteActor.objects.get(pk=bob.pk).moved_to == NEW
    bodies = [orjson.loads(bytes(row.body)) for row in Sent.objects.order_by("pk")]
    assert [(body["type"], body["to"]) for body in bodies] == [("Follow", [NEW]), ("Undo", [bob.uri])]
    told = Notification.objects.get()
    assert (told.recipient_id, told.actor_id, told.type) == (alice.pk, bob.pk, "moved")


def test_the_second_time_nothing_more_happens(bob: RemoteActor, alice: LocalActor) -> None:
    follows(alice, bob)
    assert does(bob, "Move", target(bob.uri), object=bob.uri, target=NEW) == "done"
    before = everything()
    assert does(bob, "Move", target(bob.uri), object=bob.uri, target=NEW) == "moved_lately"
    assert everything() == before


def test_who_has_blocked_the_target_does_not_follow_it(bob: RemoteActor, alice: LocalActor) -> None:
    follows(alice, bob)
    there = RemoteActor.objects.create(uri=NEW, host="new.example", username="bob", inbox=f"{NEW}/inbox")
    Block.objects.create(actor=alice, target=there)
    assert does(bob, "Move", target(bob.uri), object=bob.uri, target=NEW) == "done"
    assert not Follow.objects.exists()
    assert not Notification.objects.exists()


def test_who_has_only_asked_to_follow_asks_nobody_else(bob: RemoteActor, alice: LocalActor) -> None:
    asked = follows(alice, bob)
    Follow.objects.filter(pk=asked.pk).update(state=FollowState.REQUESTED)
    assert does(bob, "Move", target(bob.uri), object=bob.uri, target=NEW) == "done"
    assert list(Follow.objects.values_list("followee__uri", "state")) == [(bob.uri, "requested")]
    assert not Sent.objects.exists()


def test_many_followers_move_in_parts(
    bob: RemoteActor, person: Person, alice: LocalActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "AT_ONCE", 1)
    other = Person(person.wire)
    other.register().expect(201)
    for follower in (alice, actor_of(other)):
        follows(follower, bob)
    assert does(bob, "Move", target(bob.uri), object=bob.uri, target=NEW) == "done"
    assert Follow.objects.filter(followee__uri=NEW).count() == 1
    do_due(timezone.now())
    assert set(Follow.objects.values_list("followee__uri", flat=True)) == {NEW}
    assert Follow.objects.count() == 2


def test_what_who_moves_says_meanwhile_leads_nobody_to_who_does_not_know(
    bob: RemoteActor, person: Person, alice: LocalActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "AT_ONCE", 1)
    other = Person(person.wire)
    other.register().expect(201)
    for follower in (alice, actor_of(other)):
        follows(follower, bob)
    carol = neighbour("carol", "far.example")
    assert moves(bob) == "done"
    own = {**target()[NEW], "id": bob.uri, "inbox": bob.inbox, "movedTo": carol.uri}
    assert does(bob, "Update", object=own) == "done"
    do_due(timezone.now())
    assert list(Follow.objects.values_list("followee__uri", flat=True)) == [NEW, NEW]
