"""Who got a post that quotes hears when the leave for it is taken back: by the author's own Delete."""

import json
from typing import Any

import orjson
import pytest
from pytest_django.fixtures import Settings

from activitypub.models import (
    Delivery,
    Follow,
    FollowState,
    HostPolicy,
    LocalActor,
    Post,
    QuoteRequest,
    RemoteActor,
    Sent,
    Severity,
)
from activitypub.services import quote_answers
from tests.activitypub.inbox.effects import activity, comes_of, does, neighbour
from tests.activitypub.quotes.leave import allowed, quotes
from tests.activitypub.test_actors import actor_of
from tests.activitypub.test_outbox import made, note, submit
from tests.people import Person


def follows(name: str, host: str, followee: LocalActor) -> RemoteActor:
    follower = neighbour(name, host)
    Follow.objects.create(follower=follower, followee=followee, state=FollowState.ACCEPTED)
    return follower


@pytest.fixture
def fan(alice: LocalActor) -> RemoteActor:
    return follows("fan", "fans.example", alice)


def taken_back(row: Post, by: RemoteActor, **members: Any) -> dict[str, Any]:
    """The Delete of its stamp, and nothing that was sent before it is left."""
    Sent.objects.all().delete()
    return activity(by, "Delete", object=row.quote_authorization, **members)


def told(kind: str) -> dict[str, bytes]:
    """Which inboxes get something of that type, and what."""
    rows = Delivery.objects.select_related("activity").filter(activity__type=kind)
    assert len({row.inbox for row in rows}) == len(rows)
    return {row.inbox: bytes(row.activity.body) for row in rows}


# --- Refused -----------------------------------------------------------------------------------------


def test_what_somebody_else_says_of_a_stamp_is_passed_on_to_nobody(
    person: Person, theirs: Post, fan: RemoteActor, carol: RemoteActor
) -> None:
    row = allowed(quotes(person, theirs))
    for other in (carol, neighbour("eve", theirs.author.host)):
        comes_of(other, taken_back(row, other))
        assert not Sent.objects.exists()


def test_it_is_passed_on_once(person: Person, theirs: Post, bob: RemoteActor, fan: RemoteActor) -> None:
    row = allowed(quotes(person, theirs))
    stamp = row.quote_authorization
    assert comes_of(bob, taken_back(row, bob)) == "done"
    before = Sent.objects.count()
    assert does(bob, "Delete", object=stamp) == "done"
    assert Sent.objects.count() == before


def test_a_delete_as_long_as_a_book_is_not_passed_on_and_what_it_does_is_told_all_the_same(
    person: Person, theirs: Post, bob: RemoteActor, fan: RemoteActor
) -> None:
    row = allowed(quotes(person, theirs))
    long = taken_back(row, bob, content="x" * quote_answers.MOST_PASSED_ON)
    assert comes_of(bob, long) == "done"
    assert told("Delete") == {}
    assert fan.inbox in told("Update")


@pytest.mark.parametrize(
    ("members", "reach"),
    [
        ({}, {"fan", "bob"}),
        ({"to": "followers"}, {"fan"}),
        ({"to": "bob"}, {"bob"}),
    ],
)
def test_nobody_hears_of_it_who_was_not_to_have_the_post(
    person: Person,
    alice: LocalActor,
    theirs: Post,
    bob: RemoteActor,
    fan: RemoteActor,
    carol: RemoteActor,
    members: dict[str, str],
    reach: set[str],
) -> None:
    to = {"followers": [alice.followers, bob.uri], "bob": [bob.uri]}
    row = allowed(quotes(person, theirs, **({"to": to[members["to"]], "cc": []} if members else {})))
    assert comes_of(bob, taken_back(row, bob)) == "done"
    inboxes = {"fan": fan.inbox, "bob": bob.inbox, "carol": carol.inbox}
    # Whose stamp it was is named by the post, and so among its readers.
    assert set(told("Delete")) == {inboxes[name] for name in reach | {"bob"}}
    assert set(told("Delete")) == set(told("Update"))


def test_a_suspended_host_is_told_nothing(
    person: Person, theirs: Post, bob: RemoteActor, fan: RemoteActor
) -> None:
    row = allowed(quotes(person, theirs))
    HostPolicy.objects.create(host=fan.host, severity=Severity.SUSPEND)
    assert comes_of(bob, taken_back(row, bob)) == "done"
    assert fan.inbox not in told("Delete")


# --- Told --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("proofs", [False, True])
def test_who_got_the_post_gets_the_delete_to_the_byte(
    person: Person, theirs: Post, bob: RemoteActor, fan: RemoteActor, proofs: bool, settings: Settings
) -> None:
    row = allowed(quotes(person, theirs))
    settings.HVX_FEDERATION_PROOFS = proofs
    ending = taken_back(row, bob, proof={"type": "DataIntegrityProof", "proofValue": "as it came"})
    assert comes_of(bob, ending) == "done"
    assert told("Delete")[fan.inbox] == json.dumps(ending).encode()
    # Before the post as it is now, for who reads the one and not the other.
    assert list(Sent.objects.order_by("pk").values_list("type", flat=True)) == ["Delete", "Update"]


def test_who_deletes_the_post_meanwhile_has_nothing_passed_on(
    person: Person, theirs: Post, bob: RemoteActor, fan: RemoteActor
) -> None:
    row = allowed(quotes(person, theirs))
    uri = row.uri
    assert comes_of(bob, taken_back(row, bob)) == "done"
    submit(person, {"type": "Delete", "object": uri}).expect(201)
    assert [orjson.loads(body)["object"]["id"] for body in set(told("Delete").values())] == [uri]


def test_of_a_stamp_of_somebody_here_the_readers_of_the_quote_hear_from_its_author(
    person: Person, other: Person, fan: RemoteActor
) -> None:
    quoted = Post.objects.get(uri=_published(person))
    row = quotes(other, quoted)
    reader = follows("reader", "readers.example", actor_of(other))
    both = follows("both", "both.example", actor_of(other))
    Follow.objects.create(follower=both, followee=actor_of(person), state=FollowState.ACCEPTED)
    Sent.objects.all().delete()
    submit(person, {"type": "Delete", "object": row.quote_authorization}).expect(201)
    assert set(told("Delete")) == {fan.inbox, reader.inbox, both.inbox}
    [sent] = Sent.objects.filter(type="Delete")
    assert (sent.actor_id, QuoteRequest.objects.get().state) == (actor_of(person).pk, "revoked")


def test_of_a_stamp_of_somebody_here_nobody_hears_who_was_not_to_have_the_quote(
    person: Person, other: Person, fan: RemoteActor, bob: RemoteActor
) -> None:
    quoted = Post.objects.get(uri=_published(person))
    author = actor_of(person)
    row = quotes(other, quoted, to=[author.uri, bob.uri], cc=[])
    reader = follows("reader", "readers.example", actor_of(other))
    Sent.objects.all().delete()
    submit(person, {"type": "Delete", "object": row.quote_authorization}).expect(201)
    assert set(told("Delete")) == {fan.inbox, bob.inbox}
    assert reader.inbox not in told("Update")


def _published(person: Person) -> str:
    return str(made(person, note())["object"]["id"])
