"""Whom people let quote what they publish; who asks, and what they say to it (FEP-044f)."""

from typing import Any

import pytest

from activitypub.models import (
    Follow,
    FollowState,
    HostBlock,
    LocalActor,
    Notification,
    Post,
    QuoteRequest,
    QuoteState,
    RemoteActor,
)
from activitypub.rendering import PUBLIC
from tests.activitypub.inbox.effects import does, everything, neighbour
from tests.activitypub.quotes.leave import quotes, quoting, sent, state
from tests.activitypub.reading import document, get
from tests.activitypub.test_actors import actor_of
from tests.activitypub.test_outbox import made, note, submit
from tests.people import Answer, Person


@pytest.fixture
def own(other: Person) -> Post:
    """A post that its author's followers may quote, and others after asking."""
    policy = {
        "canQuote": {
            "automaticApproval": [f"{actor_of(other).uri}/followers"],
            "manualApproval": [PUBLIC],
        }
    }
    return Post.objects.get(uri=made(other, note(interactionPolicy=policy))["object"]["id"])


def answers(person: Person, kind: str, asked: QuoteRequest) -> Answer:
    return submit(person, {"type": kind, "object": asked.uri})


def asks(bob: RemoteActor, own: Post, number: int = 5) -> QuoteRequest:
    """The request of somebody that waits."""
    uri = f"{bob.uri}/objects/{number}"
    assert does(bob, "QuoteRequest", object=own.uri, instrument=uri) == "done"
    return QuoteRequest.objects.get(quoting_uri=uri)


def test_a_policy_is_what_the_post_says(other: Person, own: Post) -> None:
    followers = f"{own.author.uri}/followers"
    policy = {"canQuote": {"automaticApproval": [followers], "manualApproval": [PUBLIC]}}
    assert document(other.wire, own.uri)["interactionPolicy"] == policy
    made(other, {"type": "Update", "object": note("<p>anew</p>", id=own.uri)})
    assert document(other.wire, own.uri)["interactionPolicy"] == policy
    nobody = {"canQuote": {"automaticApproval": [own.author.uri]}}
    made(other, {"type": "Update", "object": note("<p>anew</p>", id=own.uri, interactionPolicy=nobody)})
    assert document(other.wire, own.uri)["interactionPolicy"] == nobody


def test_what_says_nothing_is_as_its_author_wants_it_of_all(person: Person, alice: LocalActor) -> None:
    LocalActor.objects.update(quote_automatic_approval="nobody")
    said = made(person, note())["object"]
    assert said["interactionPolicy"] == {"canQuote": {"automaticApproval": [alice.uri]}}
    LocalActor.objects.update(quote_automatic_approval="public")
    # It was said of that post, and stays.
    assert document(person.wire, said["id"])["interactionPolicy"] == said["interactionPolicy"]


def test_what_one_wants_of_all_posts_is_set_at_the_outbox(person: Person, alice: LocalActor) -> None:
    policy = {"canQuote": {"automaticApproval": [alice.uri], "manualApproval": [alice.followers]}}
    activity = made(person, {"type": "Update", "object": {"id": alice.uri, "interactionPolicy": policy}})
    assert activity["object"]["interactionPolicy"] == policy
    assert made(person, note())["object"]["interactionPolicy"] == policy
    assert not sent("Update")


@pytest.mark.parametrize(
    "policy",
    [None, {}, {"canQuote": "x"}, {"canQuote": {"manualApproval": ["https://far.example/users/carol"]}}],
)
def test_a_policy_that_names_others_is_refused(person: Person, alice: LocalActor, policy: Any) -> None:
    before = everything()
    answer = submit(person, {"type": "Update", "object": {"id": alice.uri, "interactionPolicy": policy}})
    assert answer.refusal == (422, "activity_refused")
    assert everything() == before


def test_a_follower_gets_a_stamp_and_nobody_waits(bob: RemoteActor, own: Post) -> None:
    Follow.objects.create(follower=bob, followee=own.author, state=FollowState.ACCEPTED)
    assert asks(bob, own).state == QuoteState.ACCEPTED
    assert not Notification.objects.exists()


def test_who_only_asks_to_follow_is_no_follower(bob: RemoteActor, own: Post) -> None:
    Follow.objects.create(follower=bob, followee=own.author, state=FollowState.REQUESTED)
    assert asks(bob, own).state == QuoteState.PENDING


def test_who_is_to_be_asked_is_told_once_and_nothing_is_answered(bob: RemoteActor, own: Post) -> None:
    asked = asks(bob, own)
    assert (asks(bob, own).pk, asked.state, asked.stamp) == (asked.pk, QuoteState.PENDING, "")
    told = Notification.objects.get()
    assert (told.recipient_id, told.actor_id, told.type, told.post_id) == (
        own.author_id,
        bob.pk,
        "quote_request",
        own.pk,
    )
    assert not sent("Accept")
    assert not sent("Reject")


def test_who_asks_is_in_the_inbox_of_who_is_asked_until_answered(
    bob: RemoteActor, own: Post, other: Person
) -> None:
    def read() -> list[dict[str, Any]]:
        page = other.handset.call("GET", f"/users/{other.username}/inbox?page=first").expect(200).json
        return [{**one, "@context": None} for one in page["orderedItems"]]

    asked = asks(bob, own)
    request = {"actor": bob.uri, "object": own.uri, "instrument": asked.quoting_uri}
    assert read() == [{"@context": None, "id": asked.uri, "type": "QuoteRequest", **request}]
    # What is read there can be sent back as it is.
    submit(other, {"type": "Reject", "object": {"type": "QuoteRequest", **request}}).expect(201)
    assert read() == []


def test_whoever_asks_without_end_is_refused(bob: RemoteActor, own: Post) -> None:
    for number in range(20):
        asks(bob, own, number)
    assert does(bob, "QuoteRequest", object=own.uri, instrument=f"{bob.uri}/objects/20") == "done"
    assert QuoteRequest.objects.count() == 20
    assert len(sent("Reject")) == 1


def test_a_yes_is_a_stamp(bob: RemoteActor, own: Post, other: Person) -> None:
    assert does(bob, "Create", object=quoting(bob, own)) == "done"
    asked = asks(bob, own)
    activity = answers(other, "Accept", asked).expect(201).json
    assert (activity["type"], activity["to"]) == ("Accept", [bob.uri])
    assert sent("Accept") == [activity]
    row = Post.objects.get(author=bob)
    assert (row.quote_state, row.quote_authorization) == (QuoteState.ACCEPTED, activity["result"])
    assert document(other.wire, activity["result"])["interactingObject"] == row.uri
    assert [told.type for told in Notification.objects.all()] == ["quote"]
    assert answers(other, "Accept", asked).refusal == (404, "unknown_quote_request")
    assert answers(other, "Reject", asked).refusal == (404, "unknown_quote_request")


def test_a_no_is_said_again_however_often_one_asks(bob: RemoteActor, own: Post, other: Person) -> None:
    asked = asks(bob, own)
    assert answers(other, "Reject", asked).expect(201).json["type"] == "Reject"
    assert not Notification.objects.exists()
    Follow.objects.create(follower=bob, followee=own.author, state=FollowState.ACCEPTED)
    assert asks(bob, own).state == QuoteState.REJECTED
    assert len(sent("Reject")) == 2
    assert not sent("Accept")


def test_a_no_may_become_a_yes(person: Person, other: Person, own: Post) -> None:
    row = quotes(person, own)
    asked = QuoteRequest.objects.get()
    answers(other, "Reject", asked).expect(201)
    stamp = answers(other, "Accept", asked).expect(201).json["result"]
    assert state(row) == (QuoteState.ACCEPTED, stamp)


def test_nobody_answers_for_another(bob: RemoteActor, own: Post, person: Person) -> None:
    asked = asks(bob, own)
    before = everything()
    for kind in ("Accept", "Reject"):
        assert answers(person, kind, asked).refusal == (404, "unknown_follow")
    assert everything() == before


def test_a_stamp_that_is_taken_back_is_gone_and_stays_so(
    bob: RemoteActor, own: Post, other: Person, person: Person
) -> None:
    assert does(bob, "Create", object=quoting(bob, own)) == "done"
    asked = asks(bob, own)
    stamp = answers(other, "Accept", asked).expect(201).json["result"]
    assert submit(person, {"type": "Delete", "object": stamp}).status == 404
    activity = made(other, {"type": "Delete", "object": stamp})
    assert (activity["object"], activity["to"]) == (stamp, [bob.uri])
    assert sent("Delete") == [activity]
    gone = get(other.wire, stamp)
    assert (gone.status, gone.json["type"]) == (410, "Tombstone")
    row = Post.objects.get(author=bob)
    assert state(row) == (QuoteState.REVOKED, "")
    own.refresh_from_db()
    assert own.quotes_count == 0
    assert submit(other, {"type": "Delete", "object": stamp}).status in (404, 410)
    asked = asks(bob, own)
    assert asked.state == QuoteState.REVOKED
    assert answers(other, "Accept", asked).refusal == (404, "unknown_quote_request")
    again = quoting(bob, own, quoteAuthorization=stamp)
    assert does(bob, "Update", object=again | {"content": "<p>again</p>"}) == "done"
    assert state(row) == (QuoteState.REVOKED, "")


def test_one_of_this_server_waits_too(person: Person, other: Person, own: Post) -> None:
    row = quotes(person, own)
    assert state(row) == (QuoteState.PENDING, "")
    asked = QuoteRequest.objects.get()
    activity = answers(other, "Accept", asked).expect(201).json
    assert state(row) == (QuoteState.ACCEPTED, activity["result"])
    made(other, {"type": "Delete", "object": activity["result"]})
    assert state(row) == (QuoteState.REVOKED, "")
    assert "quote" not in document(person.wire, row.uri)


def test_one_of_this_server_hears_a_no(person: Person, other: Person, own: Post) -> None:
    row = quotes(person, own)
    answers(other, "Reject", QuoteRequest.objects.get()).expect(201)
    assert state(row) == (QuoteState.REJECTED, "")


def test_a_host_that_was_blocked_while_it_waited_is_refused(bob: RemoteActor, own: Post) -> None:
    asks(bob, own)
    HostBlock.objects.create(actor=own.author, host=bob.host)
    assert does(bob, "QuoteRequest", object=own.uri, instrument=f"{bob.uri}/objects/5") == "done"
    assert len(sent("Reject")) == 1


def test_a_request_for_the_post_of_another_of_the_same_host_is_refused(bob: RemoteActor, own: Post) -> None:
    asked = asks(bob, own)
    eve = neighbour("eve")
    assert does(eve, "QuoteRequest", object=own.uri, instrument=asked.quoting_uri) == "done"
    asked.refresh_from_db()
    assert (asked.asker_id, asked.state) == (bob.pk, QuoteState.PENDING)
    [said] = sent("Reject")
    assert said["to"] == [eve.uri]
