"""Somebody of this server moves elsewhere, and may come back."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from activitypub.errors import ActorMoved, ActorSuspended
from activitypub.models import (
    Actor,
    Block,
    Delivery,
    Errand,
    Follow,
    FollowState,
    HostPolicy,
    LocalActor,
    Notification,
    RemoteActor,
    Sent,
    Severity,
)
from activitypub.rendering import PUBLIC
from activitypub.services import following, moderation, moving
from audit.models import AuditRow
from tests.accounts.test_access_keys import exchange
from tests.accounts.test_access_keys import made as made_key
from tests.activitypub.coming_due import after, do_due
from tests.activitypub.fetching.peer import document, status
from tests.activitypub.inbox.effects import does, everything, neighbour
from tests.activitypub.reading import document as read
from tests.activitypub.senders import Sender
from tests.activitypub.test_actors import actor_of, uri_of
from tests.activitypub.test_outbox import made, note, post_of, submit
from tests.people import Answer, Person


@pytest.fixture
def other(person: Person) -> Person:
    """Where the person moves to: another account here, which says so."""
    somebody = Person(person.wire)
    somebody.register().expect(201)
    made(somebody, aliases(somebody, uri_of(person)))
    return somebody


def aliases(person: Person, *uris: str) -> dict[str, Any]:
    return {"type": "Update", "object": {"id": uri_of(person), "alsoKnownAs": list(uris)}}


def move(person: Person, target: str) -> dict[str, Any]:
    return {"type": "Move", "object": uri_of(person), "target": target}


def back(person: Person) -> dict[str, Any]:
    return {"type": "Update", "object": {"id": uri_of(person), "type": "Person", "movedTo": None}}


def reason(answer: Answer) -> str:
    assert answer.refusal == (422, "move_refused"), answer.json
    return str(answer.json["detail"]).rpartition(": ")[2]


def follows(follower: Actor, followee: Actor) -> Follow:
    return Follow.objects.create(
        follower_id=follower.pk,
        followee_id=followee.pk,
        state=FollowState.ACCEPTED,
        uri=f"{follower.uri}/objects/3",
    )


def sent() -> list[tuple[str, list[str]]]:
    """What was sent, and where to."""
    found = []
    for row in Sent.objects.order_by("pk"):
        inboxes = Delivery.objects.filter(activity=row).order_by("inbox").values_list("inbox", flat=True)
        found.append((row.type, list(inboxes)))
    return found


def moved(person: Person) -> LocalActor:
    """The actor, some days after it moved to somewhere."""
    actor = actor_of(person)
    actor.moved_to, actor.moved_at = "https://new.example/users/x", timezone.now() - timedelta(days=2)
    actor.save()
    return actor


# --- Refused: who ------------------------------------------------------------------------------------


def test_an_access_key_moves_nobody_and_gives_nobody_other_names(person: Person, other: Person) -> None:
    key = made_key(person, scopes=["social:write"])
    token = exchange(key).expect(200).json["access_token"]
    before = everything()
    names = aliases(person, uri_of(other))
    for body in (
        move(person, uri_of(other)),
        {**move(person, uri_of(other)), "type": ["Like", "Move"]},
        names,
        {**names, "type": ["Note", "Update"], "object": [names["object"]]},
        back(person),
    ):
        answer = submit(person, body, authorization=f"Bearer {token}", proof=False)
        assert answer.refusal == (403, "insufficient_scope")
    assert everything() == before


def test_nobody_moves_another(person: Person, other: Person) -> None:
    body = {"type": "Move", "object": uri_of(other), "target": uri_of(person)}
    assert submit(person, body).refusal == (422, "activity_refused")
    assert submit(person, {**move(person, uri_of(other)), "actor": uri_of(other)}).status == 422
    assert submit(person, move(person, uri_of(other)), to=other).refusal == (403, "not_yours")
    assert not LocalActor.objects.exclude(moved_to="").exists()


def test_nobody_changes_anothers_names(person: Person, other: Person) -> None:
    before = everything()
    assert submit(person, aliases(other, "https://evil.example/users/x")).status in (404, 422)
    assert everything() == before


# --- Refused: where to -------------------------------------------------------------------------------


def test_who_does_not_say_so_is_not_moved_to(person: Person) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)
    before = everything()
    assert reason(submit(person, move(person, uri_of(stranger)))) == "move_target_does_not_name_the_actor"
    assert reason(submit(person, move(person, uri_of(person)))) == "move_without_another_target"
    assert reason(submit(person, move(person, f"{person.wire.origin}/users/nobody"))) == "target_not_reached"
    assert reason(submit(person, move(person, f"{person.wire.origin}/actor"))) == "target_not_reached"
    assert everything() == before


@pytest.mark.parametrize("target", [None, 7, "not an address", ["https://a.example/1"]])
def test_a_move_to_nowhere_is_refused(person: Person, target: Any) -> None:
    before = everything()
    assert submit(person, {**move(person, ""), "target": target}).status == 422
    assert everything() == before


def test_who_has_moved_or_is_suspended_is_not_moved_to(person: Person, other: Person) -> None:
    moved(other)
    assert reason(submit(person, move(person, uri_of(other)))) == "target_has_moved"
    made(other, back(other))
    moderation.suspend(actor_of(other))
    assert reason(submit(person, move(person, uri_of(other)))) == "target_suspended"


def test_nobody_moves_to_a_suspended_host(person: Person) -> None:
    HostPolicy.objects.create(host="near.example", severity=Severity.SUSPEND)
    bob = neighbour("bob")
    RemoteActor.objects.update(also_known_as=[uri_of(person)])
    assert reason(submit(person, move(person, bob.uri))) == "target_not_reached"
    assert not actor_of(person).moved_to


async def test_what_was_known_of_the_target_confirms_nothing(author: Person, bob: Sender) -> None:
    uri = await sync_to_async(uri_of)(author)

    def try_it() -> str:
        RemoteActor.objects.update_or_create(
            uri=bob.uri,
            defaults={"host": "x", "username": "bob", "inbox": f"{bob.uri}/inbox", "also_known_as": [uri]},
        )
        return reason(submit(author, move(author, bob.uri)))

    assert await sync_to_async(try_it)() == "move_target_does_not_name_the_actor"
    bob.peer.answers["/users/bob"] = status("503 Oops")
    assert await sync_to_async(try_it)() == "target_not_reached"
    bob.publish(alsoKnownAs=[uri], movedTo="https://else.example/users/bob")
    assert await sync_to_async(try_it)() == "target_has_moved"
    bob.peer.answers["/users/bob"] = document(bob.document(id=f"{bob.uri}2", alsoKnownAs=[uri]))
    assert await sync_to_async(try_it)() == "target_not_reached"


# --- Refused: when -----------------------------------------------------------------------------------


def test_nobody_moves_twice_in_thirty_days_even_if_they_came_back(person: Person, other: Person) -> None:
    made(person, move(person, uri_of(other)))
    assert submit(person, move(person, uri_of(other))).refusal == (403, "actor_moved")
    made(person, back(person))
    answer = submit(person, move(person, uri_of(other)))
    assert answer.refusal == (429, "moved_lately")
    assert 29 * 86_400 < int(answer.headers["retry-after"]) <= 30 * 86_400
    assert not actor_of(person).moved_to
    LocalActor.objects.update(moved_at=timezone.now() - timedelta(days=30))
    made(person, move(person, uri_of(other)))


def test_who_has_moved_begins_nothing_new_and_may_end_what_was(person: Person, other: Person) -> None:
    bob = neighbour("bob")
    post = post_of(bob)
    liked = made(person, {"type": "Like", "object": post.uri})
    followed = made(person, {"type": "Follow", "object": bob.uri})
    own = made(person, note())["object"]["id"]
    made(person, move(person, uri_of(other)))
    before = everything()
    for body in (
        note(),
        {"type": "Update", "object": {**note(), "id": own}},
        {"type": "Follow", "object": uri_of(other)},
        {"type": "Like", "object": own},
        {"type": "Announce", "object": post.uri, "to": [PUBLIC]},
        {"type": "Add", "object": own, "target": f"{uri_of(person)}/featured"},
    ):
        assert submit(person, body).refusal == (403, "actor_moved"), body
    assert everything() == before
    made(person, {"type": "Undo", "object": liked["id"]})
    made(person, {"type": "Undo", "object": followed["id"]})
    made(person, {"type": "Delete", "object": own})
    made(person, {"type": "Block", "object": bob.uri})


def test_a_profile_is_edited_after_a_move_and_does_not_undo_it(person: Person, other: Person) -> None:
    made(person, move(person, uri_of(other)))
    name = {"type": "Update", "object": {"id": uri_of(person), "name": "Gone away"}}
    assert made(person, name)["object"]["movedTo"] == uri_of(other)
    before = everything()
    for value in (None, "https://else.example/users/x"):
        both = {"type": "Update", "object": {"id": uri_of(person), "name": "Back", "movedTo": value}}
        assert submit(person, both).refusal == (422, "activity_refused")
    assert everything() == before
    assert (actor_of(person).display_name, actor_of(person).moved_to) == ("Gone away", uri_of(other))


def test_nobody_follows_who_has_moved(person: Person, other: Person) -> None:
    made(person, move(person, uri_of(other)))
    assert submit(other, {"type": "Follow", "object": uri_of(person)}).status == 422
    bob = neighbour("bob")
    does(bob, "Follow", object=uri_of(person))
    assert not Follow.objects.exists()
    assert Sent.objects.order_by("pk").last().type == "Reject"  # type: ignore[union-attr]


# --- Other names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ["not an address"],
        ["https://a.example/1", 7],
        ["https://ä.example/1"],
        [f"https://a.example/{number}" for number in range(11)],
        ["mailto:x@a.example"],
    ],
)
def test_names_that_are_none_are_refused(person: Person, names: list[Any]) -> None:
    before = everything()
    assert submit(person, aliases(person, *names)).status == 422
    assert everything() == before


def test_ones_own_address_is_no_other_name(person: Person) -> None:
    assert submit(person, aliases(person, uri_of(person))).refusal == (422, "invalid_fields")


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"movedTo": "https://new.example/users/x"},
        {"alsoKnownAs": [], "movedTo": None},
        {"preferredUsername": "somebody"},
        {"publicKey": {}},
        {"movedTo": []},
    ],
)
def test_nothing_else_of_an_actor_is_changed_so(person: Person, members: dict[str, Any]) -> None:
    before = everything()
    body = {"type": "Update", "object": {"id": uri_of(person), "type": "Person", **members}}
    assert submit(person, body).refusal == (422, "activity_refused")
    assert everything() == before


def test_other_names_are_published_told_and_taken_back(person: Person) -> None:
    fan = neighbour("fan")
    follows(fan, actor_of(person))
    old = "https://old.example/users/me"
    activity = made(person, aliases(person, old, old))
    assert activity["object"]["alsoKnownAs"] == [old]
    assert read(person.wire, uri_of(person))["alsoKnownAs"] == [old]
    assert sent() == [("Update", [fan.inbox])]
    made(person, {"type": "Update", "object": {"id": uri_of(person), "alsoKnownAs": None}})
    assert "alsoKnownAs" not in read(person.wire, uri_of(person))


# --- Moved -------------------------------------------------------------------------------------------


def test_followers_elsewhere_are_told_and_the_actor_says_so(person: Person, other: Person) -> None:
    fan = neighbour("fan")
    follows(fan, actor_of(person))
    activity = made(person, move(person, uri_of(other)))
    assert (activity["object"], activity["target"]) == (uri_of(person), uri_of(other))
    assert activity["to"] == [f"{uri_of(person)}/followers"]
    # The document first, which says where to.
    assert sent() == [("Update", [fan.inbox]), ("Move", [fan.inbox])]
    update = orjson.loads(bytes(Sent.objects.order_by("pk")[0].body))
    assert update["object"]["movedTo"] == uri_of(other)
    assert read(person.wire, uri_of(person))["movedTo"] == uri_of(other)
    assert read(person.wire, f"{uri_of(person)}/outbox")["totalItems"] == 0


def test_followers_here_follow_there_by_their_own_follow(person: Person, other: Person) -> None:
    third = Person(person.wire)
    third.register().expect(201)
    old, new, fan = actor_of(person), actor_of(other), actor_of(third)
    follows(fan, old)
    follows(new, old)
    made(person, move(person, uri_of(other)))
    do_due(after(seconds=1))
    assert list(Follow.objects.values_list("follower", "followee", "state")) == [(fan.pk, new.pk, "accepted")]
    told = Notification.objects.filter(type="moved")
    assert list(told.values_list("recipient", "actor")) == [(fan.pk, old.pk)]
    assert not Errand.objects.exists()


async def test_the_target_elsewhere_is_asked_just_then_and_followed_from_here(
    author: Person, bob: Sender
) -> None:
    bob.publish(alsoKnownAs=[await sync_to_async(uri_of)(author)])

    def do_it() -> list[tuple[str, list[str]]]:
        third = Person(author.wire)
        third.register().expect(201)
        follows(actor_of(third), actor_of(author))
        made(author, move(author, bob.uri))
        do_due(after(seconds=1))
        assert list(Follow.objects.values_list("followee__uri", "state")) == [(bob.uri, "requested")]
        return sent()

    inbox = bob.peer.url("/inbox")
    assert await sync_to_async(do_it)() == [("Move", [inbox]), ("Follow", [inbox])]
    assert bob.peer.targets[-1] == "/users/bob"


def test_who_wants_nothing_of_the_target_follows_neither(person: Person, other: Person) -> None:
    third = Person(person.wire)
    third.register().expect(201)
    fan = actor_of(third)
    follows(fan, actor_of(person))
    Block.objects.create(actor=fan, target=actor_of(other))
    made(person, move(person, uri_of(other)))
    do_due(after(seconds=1))
    assert not Follow.objects.exists()


def test_many_followers_move_in_parts_and_none_after_one_came_back(
    person: Person, other: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "AT_ONCE", 1)
    old = actor_of(person)
    fans = []
    for _ in range(2):
        fan = Person(person.wire)
        fan.register().expect(201)
        fans.append(actor_of(fan))
        follows(fans[-1], old)
    made(person, move(person, uri_of(other)))
    made(person, back(person))
    do_due(after(seconds=1))
    assert set(Follow.objects.values_list("followee", flat=True)) == {old.pk}
    LocalActor.objects.filter(pk=old.pk).update(moved_at=None)
    made(person, move(person, uri_of(other)))
    do_due(after(seconds=1))
    assert set(Follow.objects.values_list("follower", "followee")) == {
        (fan.pk, actor_of(other).pk) for fan in fans
    }


def test_who_came_back_and_moved_elsewhere_before_anybody_followed_takes_all_there(
    person: Person, other: Person
) -> None:
    third, fan = Person(person.wire), Person(person.wire)
    for one in (third, fan):
        one.register().expect(201)
    made(third, aliases(third, uri_of(person)))
    follows(actor_of(fan), actor_of(person))
    made(person, move(person, uri_of(other)))
    made(person, back(person))
    LocalActor.objects.update(moved_at=None)
    made(person, move(person, uri_of(third)))
    do_due(after(seconds=1))
    assert Follow.objects.get().followee.uri == uri_of(third)


def test_who_came_back_is_here_as_before(person: Person, other: Person) -> None:
    fan = neighbour("fan")
    follows(fan, actor_of(person))
    made(person, move(person, uri_of(other)))
    activity = made(person, back(person))
    assert "movedTo" not in activity["object"]
    assert "movedTo" not in read(person.wire, uri_of(person))
    made(person, note())
    assert does(fan, "Follow", object=uri_of(person)) == "done"
    assert Follow.objects.filter(followee=actor_of(person)).count() == 1


def test_what_concerns_the_actor_itself_is_written_down(person: Person, other: Person) -> None:
    made(person, move(person, uri_of(other)))
    made(person, back(person))
    made(person, back(person))
    written = AuditRow.objects.filter(event__startswith="actor_").order_by("at")
    assert list(written.values_list("event", flat=True)) == [
        "actor_aliases_set",
        "actor_moved",
        "actor_came_back",
    ]
    log = person.handset.call("GET", "me/security-log").expect(200).json["results"]
    assert [row["event"] for row in log][:2] == ["actor_came_back", "actor_moved"]


def test_a_move_that_cannot_be_written_down_is_none(
    person: Person, other: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything()

    def full(*arguments: object, **how: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("activitypub.services.departing.record", full)
    assert submit(person, move(person, uri_of(other))).status >= 500
    assert everything() == before


def test_a_request_that_began_before_the_move_is_refused_after_it(person: Person, other: Person) -> None:
    stale = actor_of(person)
    made(person, move(person, uri_of(other)))
    with pytest.raises(ActorMoved):
        following.follow(stale, neighbour("bob"))
    made(person, back(person))
    moderation.suspend(stale)
    with pytest.raises(ActorSuspended):
        following.follow(stale, neighbour("eve"))
    assert not Follow.objects.exists()


def test_a_target_that_has_moved_itself_takes_no_followers(person: Person) -> None:
    bob = neighbour("bob")
    follows(actor_of(person), bob)
    target = {
        "id": "https://new.example/users/bob",
        "type": "Person",
        "preferredUsername": "bob",
        "inbox": "https://new.example/users/bob/inbox",
        "alsoKnownAs": [bob.uri],
        "movedTo": "https://newer.example/users/bob",
    }
    before = everything()
    word = does(bob, "Move", {target["id"]: target}, object=bob.uri, target=target["id"])  # type: ignore[dict-item]
    assert word == "target_has_moved"
    assert everything() == before
