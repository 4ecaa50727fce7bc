"""An erased account's actor: other servers are told, and then nothing is left."""

import json
import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import DatabaseError
from django.utils import timezone

from activitypub.models import (
    Actor,
    ActorKey,
    Boost,
    Deleted,
    Delivery,
    Follow,
    KeyKind,
    Like,
    LocalActor,
    Post,
    Received,
    Sent,
    Vote,
)
from activitypub.queries.actors import instance, signing_key
from activitypub.services import actors, erasure, leaving
from activitypub.services.erasure import forget_told
from tests.accounts.test_erasure import dump, erase
from tests.activitypub.living import live, post
from tests.activitypub.reading import document, get
from tests.activitypub.test_actors import actor_of, remote, uri_of
from tests.people import DjangoWire, Person


def test_every_column_that_names_an_actor_is_emptied() -> None:
    named = {(model._meta.label, column) for model, column in erasure._OF_ACTOR}
    there = {
        (field.model._meta.label, field.name)
        for model in apps.get_app_config("activitypub").get_models()
        if not model._meta.proxy
        for field in model._meta.concrete_fields
        if field.related_model is Actor
    }
    assert named == there - {("activitypub.ActorKey", "actor"), ("activitypub.Sent", "actor")}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broken", ["sending.send", "_empty"])
def test_an_erasure_that_fails_half_way_has_told_nobody(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    live(actor_of(person), remote())
    before = dump()

    def fail(*args: object, **how: object) -> None:
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr(f"activitypub.services.erasure.{broken}", fail)
        assert erase(person.handset).status >= 500
    assert dump() == before
    document(person.wire, uri_of(person))


def test_those_who_know_the_actor_are_sent_a_delete_by_its_own_key(person: Person) -> None:
    actor, uri = actor_of(person), uri_of(person)
    live(actor, remote("bob"))
    remote("carol", "stranger.example")
    erase(person.handset).expect(204)
    [delivery] = Delivery.objects.select_related("activity")
    assert delivery.inbox == "https://remote.example/users/bob/inbox"
    sent = json.loads(bytes(delivery.activity.body))
    assert (sent["type"], sent["actor"], sent["object"]) == ("Delete", uri, uri)
    assert sent["to"] == ["https://www.w3.org/ns/activitystreams#Public"]
    key = signing_key(LocalActor.objects.get(pk=delivery.activity.actor_id), KeyKind.RSA)
    assert key.key_id == f"{uri}#main-key"
    assert key.private is not None


@pytest.mark.parametrize("relation", ["follower", "followee"])
def test_a_relation_one_way_is_enough_to_be_told(person: Person, relation: str) -> None:
    other = "followee" if relation == "follower" else "follower"
    Follow.objects.create(**{relation: actor_of(person), other: remote()}, state="accepted")
    erase(person.handset).expect(204)
    assert Delivery.objects.count() == 1


def test_until_they_were_told_only_addresses_and_keys_stay(person: Person) -> None:
    actor, uri = actor_of(person), uri_of(person)
    LocalActor.objects.filter(pk=actor.pk).update(display_name="Somebody", summary="<p>Mine</p>")
    life = live(actor, remote())
    erase(person.handset).expect(204)
    assert [row.pk for row in LocalActor.objects.filter(username=person.username)] == [actor.pk]
    rest = dump()
    assert [
        text for text in ("Somebody", "Mine", life.own.content, "mornings", "an early draft") if text in rest
    ] == []
    # Of the addresses of its objects only those stand there that others wrote.
    assert set(re.findall(rf"{re.escape(uri)}/\S+", rest)) == {f"{uri}/inbox", life.own.uri}
    assert get(person.wire, uri).status == 410
    assert get(person.wire, f"/.well-known/webfinger?resource=acct:{person.account}").status == 410
    forget_told()
    assert LocalActor.objects.filter(pk=actor.pk).exists()


@pytest.mark.parametrize("told", [True, False])
def test_what_they_liked_boosted_and_answered_counts_them_no_more(
    person: Person, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "AT_ONCE", 1)
    stranger = Person(person.wire)
    stranger.register().expect(201)
    actor, author = actor_of(person), actor_of(stranger)
    first = post(author, 1, "one", likes_count=2, boosts_count=1, replies_count=2)
    second = post(author, 2, "two", likes_count=1)
    for number, parent in enumerate((first, first), 1):
        post(actor, number, "an answer", in_reply_to=parent)
    for liked in (first, second):
        Like.objects.create(actor=actor, post=liked)
    Boost.objects.create(actor=actor, post=first, uri="x", visibility="public", published=timezone.now())
    if told:
        Follow.objects.create(follower=remote(), followee=actor, state="accepted")
    erase(person.handset).expect(204)
    assert Delivery.objects.exists() is told
    counted = Post.objects.order_by("pk").values_list("likes_count", "boosts_count", "replies_count")
    assert list(counted) == [(1, 0, 0), (0, 0, 0)]


def test_a_poll_keeps_the_votes_of_who_is_erased_and_not_their_names(person: Person) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)
    poll = {
        "options": [{"name": "tea", "votes": 1}],
        "multiple": False,
        "end_time": None,
        "closed": None,
        "voters_count": 1,
    }
    asked = post(actor_of(stranger), 1, "which?", poll=poll)
    Vote.objects.create(actor=actor_of(person), post=asked, option=0)
    erase(person.handset).expect(204)
    assert not Vote.objects.exists()
    assert Post.objects.get().poll == poll


def test_when_they_were_told_nothing_stays_but_what_others_wrote(person: Person) -> None:
    actor, bob = actor_of(person), remote()
    life = live(actor, bob)
    erase(person.handset).expect(204)
    Delivery.objects.all().delete()
    forget_told()
    assert list(Actor.objects.all()) == [bob]
    for model in (ActorKey, Sent, Follow, Deleted, Received):
        assert not model._default_manager.exists(), model
    assert {post.author_id for post in Post.objects.all()} == {bob.pk}
    life.foreign.refresh_from_db()
    assert Post.objects.get(content="an answer").in_reply_to is None
    assert person.username not in dump().replace(life.own.uri, "")
    assert get(person.wire, uri_of(person)).status == 410


def test_the_servers_own_actor_is_not_forgotten(person: Person) -> None:
    actors.make_missing()
    erase(person.handset).expect(204)
    forget_told()
    assert instance().uri == f"{person.wire.origin}/actor"
    assert actors.make_missing() == 0


def test_a_leaving_actor_is_not_taken_for_the_servers_own(person: Person) -> None:
    live(actor_of(person), remote())
    erase(person.handset).expect(204)
    assert get(person.wire, "/actor").refusal == (404, "unknown_actor")
    assert actors.make_missing() == 1
    assert document(person.wire, f"{person.wire.origin}/actor")["type"] == "Application"


def test_an_actor_whose_account_is_there_is_never_forgotten(person: Person) -> None:
    Sent.objects.create(actor=actor_of(person), uri=f"{uri_of(person)}/objects/1", type="Create", body=b"{}")
    forget_told()
    assert document(person.wire, uri_of(person))["preferredUsername"] == person.username


def test_a_delivery_that_waits_for_its_hour_keeps_the_key(person: Person) -> None:
    live(actor_of(person), remote())
    erase(person.handset).expect(204)
    Delivery.objects.update(due_at=timezone.now() + timedelta(days=1), attempts=9)
    forget_told()
    assert ActorKey.objects.filter(retires_at=None).count() == 2
