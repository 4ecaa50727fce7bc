"""An actor that has changed tells those who know it."""

import json

import pytest

from activitypub.models import Delivery, Follow, Sent
from activitypub.protocol.documents.shapes import PUBLIC
from activitypub.services.keys import rotate_keys
from activitypub.services.profile import Profile, update_profile
from tests.activitypub.delivery.conftest import reader
from tests.activitypub.test_actors import actor_of
from tests.people import Person


def test_a_changed_profile_goes_to_followers_and_followed_and_to_nobody_else(person: Person) -> None:
    actor = actor_of(person)
    follower, followed, _ = (
        reader("one.example", follows=actor),
        reader("two.example"),
        reader("three.example"),
    )
    Follow.objects.create(follower=actor, followee=followed)
    update_profile(actor, Profile(display_name="Alice"))
    told = json.loads(bytes(Sent.objects.get().body))
    assert (told["type"], told["actor"], told["to"]) == ("Update", actor.uri, [PUBLIC])
    assert (told["object"]["id"], told["object"]["name"]) == (actor.uri, "Alice")
    assert "@context" not in told["object"]
    assert set(Delivery.objects.values_list("inbox", flat=True)) == {follower.inbox, followed.inbox}
    assert not Delivery.objects.filter(synchronise=True).exists()


def test_other_keys_are_told_with_the_document_that_has_them(person: Person) -> None:
    actor = actor_of(person)
    reader("one.example", follows=actor)
    made = rotate_keys(actor)
    told = json.loads(bytes(Sent.objects.get().body))
    assert told["object"]["publicKey"]["id"] == made[0].key_id


def test_where_nobody_knows_the_actor_nothing_is_sent(person: Person) -> None:
    update_profile(actor_of(person), Profile(display_name="Alice"))
    assert not Sent.objects.exists()


def test_what_is_rolled_back_tells_nobody(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = actor_of(person)
    reader("one.example", follows=actor)
    monkeypatch.setattr(
        "activitypub.services.keys.record", lambda *args, **named: (_ for _ in ()).throw(OSError())
    )
    with pytest.raises(OSError, match=r"^$"):
        rotate_keys(actor)
    assert not Sent.objects.exists()
