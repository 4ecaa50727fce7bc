"""A person of this server who is suspended by its moderators, and is let back."""

from typing import Any

import orjson
import pytest

from activitypub.models import (
    Delivery,
    Follow,
    FollowState,
    LocalActor,
    RemoteActor,
    Sent,
)
from activitypub.queries import timelines
from activitypub.queries.actors import instance
from activitypub.rendering import PUBLIC
from activitypub.services import actors, moderation
from activitypub.services.profile import Profile, update_profile
from devices.models import Device
from tests.activitypub.inbox.effects import does, everything, neighbour
from tests.activitypub.reading import get
from tests.activitypub.test_actors import actor_of, uri_of
from tests.activitypub.test_outbox import made, note, post_of, submit
from tests.people import Person


@pytest.fixture
def fan(person: Person) -> RemoteActor:
    """A follower elsewhere."""
    found = neighbour("fan")
    Follow.objects.create(follower=found, followee=actor_of(person), state=FollowState.ACCEPTED)
    return found


def sent() -> list[dict[str, Any]]:
    return [orjson.loads(bytes(row.body)) for row in Sent.objects.order_by("pk")]


# --- Refused -----------------------------------------------------------------------------------------


def test_who_is_suspended_does_nothing_in_the_fediverse(person: Person, fan: RemoteActor) -> None:
    post = post_of(fan)
    own = made(person, note())
    moderation.suspend(actor_of(person))
    before = everything()
    for body in (
        note(),
        {"type": "Update", "object": {**note(), "id": own["object"]["id"]}},
        {"type": "Delete", "object": own["object"]["id"]},
        {"type": "Follow", "object": fan.uri},
        {"type": "Like", "object": post.uri},
        {"type": "Announce", "object": post.uri, "to": [PUBLIC]},
        {"type": "Block", "object": fan.uri},
        {"type": "Update", "object": {"id": uri_of(person), "alsoKnownAs": []}},
        {"type": "Update", "object": {"id": uri_of(person), "movedTo": None}},
        {"type": "Update", "object": {"id": uri_of(person), "name": "Somebody else"}},
    ):
        answer = submit(person, body)
        # Their own posts are hidden from them too.
        assert answer.refusal in ((403, "actor_suspended"), (404, "unknown_post")), body
    assert everything() == before


def test_their_profile_stays_as_it_is(person: Person) -> None:
    actor = actor_of(person)
    moderation.suspend(actor)
    with pytest.raises(Exception, match="suspended"):
        update_profile(actor, Profile(display_name="Somebody else"))
    assert not actor_of(person).display_name


def test_nothing_comes_to_who_is_suspended(person: Person, fan: RemoteActor) -> None:
    moderation.suspend(actor_of(person))
    eve = neighbour("eve")
    before = everything()
    assert does(eve, "Follow", object=uri_of(person)) == "actor_suspended"
    assert everything() == before


def test_the_servers_own_actor_is_not_suspended(db: None) -> None:
    actors.make_missing()
    assert not moderation.suspend(instance())
    assert instance().suspended_at is None


# --- Hidden ------------------------------------------------------------------------------------------


def test_others_are_told_to_hide_them_and_what_they_sent_stops(person: Person, fan: RemoteActor) -> None:
    uri = made(person, note("<p>buy this</p>"))["object"]["id"]
    made(person, {"type": "Delete", "object": made(person, note())["object"]["id"]})
    moderation.suspend(actor_of(person))
    waiting = Delivery.objects.order_by("pk").values_list("activity__type", "inbox")
    assert list(waiting) == [("Delete", fan.inbox), ("Update", fan.inbox)]
    update = sent()[-1]["object"]
    assert (update["id"], update["suspended"]) == (uri_of(person), True)
    assert "name" not in update
    for address in (uri, f"{uri_of(person)}/outbox", f"{uri_of(person)}/followers"):
        assert get(person.wire, address).refusal == (403, "actor_suspended")


def test_neither_what_they_wrote_nor_what_they_boosted_is_shown(
    person: Person, other: Person, fan: RemoteActor
) -> None:
    theirs = post_of(fan)
    made(other, {"type": "Follow", "object": uri_of(person)})
    made(person, note())
    made(person, {"type": "Announce", "object": theirs.uri, "to": [PUBLIC]})
    viewer = actor_of(other)
    assert len(timelines.home(viewer)) == 2
    moderation.suspend(actor_of(person))
    assert timelines.home(viewer) == []
    assert timelines.local(viewer) == []
    assert timelines.notifications(viewer) == []


def test_their_account_and_their_devices_stay(person: Person) -> None:
    devices = Device.objects.count()
    moderation.suspend(actor_of(person))
    assert person.handset.call("GET", "me").status == 200
    assert person.certified_handset().call("GET", "devices").status == 200
    assert Device.objects.count() == devices + 1


# --- Let back ----------------------------------------------------------------------------------------


def test_at_the_end_all_who_know_them_are_told_and_nothing_older_is_sent(
    person: Person, fan: RemoteActor
) -> None:
    far, idol = neighbour("far", "far.example"), neighbour("idol", "idol.example")
    Follow.objects.create(follower=far, followee=actor_of(person), state=FollowState.ACCEPTED)
    made(person, {"type": "Follow", "object": idol.uri})
    uri = made(person, note())["object"]["id"]
    moderation.suspend(actor_of(person))
    Delivery.objects.all().delete()
    for _ in range(2):
        moderation.unsuspend(actor_of(person))
        told = Delivery.objects.values_list("activity__type", "inbox")
        assert sorted(told) == sorted(("Update", one.inbox) for one in (fan, far, idol))
        assert sent()[-1]["object"]["id"] == uri_of(person)
    # What was not delivered before is to be found where it always was.
    assert get(person.wire, uri).status == 200
    page = get(person.wire, f"{uri_of(person)}/outbox?page=first").expect(200).json
    assert len(page["orderedItems"]) == 1


def test_who_is_suspended_again_before_others_heard_of_the_end_is_hidden_at_last(
    person: Person, fan: RemoteActor
) -> None:
    for decide in (moderation.suspend, moderation.unsuspend, moderation.suspend):
        decide(actor_of(person))
    assert list(Delivery.objects.values_list("activity__type", "inbox")) == [("Update", fan.inbox)]
    assert sent()[-1]["object"]["suspended"] is True


def test_who_is_let_back_is_as_before_and_others_are_told(person: Person, fan: RemoteActor) -> None:
    uri = made(person, note())["object"]["id"]
    LocalActor.objects.update(display_name="Alice")
    moderation.suspend(actor_of(person))
    assert moderation.unsuspend(actor_of(person))
    update = sent()[-1]["object"]
    assert (update["name"], update.get("suspended")) == ("Alice", None)
    assert get(person.wire, uri).status == 200
    assert Follow.objects.filter(follower=fan).exists()
    made(person, note())
    assert not moderation.unsuspend(actor_of(person))
