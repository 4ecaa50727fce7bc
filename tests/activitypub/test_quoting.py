"""People here quote what they and others have written, by the leave of its author (FEP-044f)."""

from typing import Any

import orjson
import pytest

from activitypub.models import (
    Block,
    Follow,
    FollowState,
    HostBlock,
    LocalActor,
    Notification,
    Post,
    QuoteRequest,
    QuoteState,
    RemoteActor,
    Sent,
    Visibility,
)
from activitypub.rendering import PUBLIC
from tests.activitypub.inbox.effects import does, everything, neighbour
from tests.activitypub.living import post
from tests.activitypub.reading import document, get
from tests.activitypub.test_actors import actor_of
from tests.activitypub.test_outbox import made, note, submit
from tests.people import Answer, Person


@pytest.fixture
def alice(person: Person) -> LocalActor:
    return actor_of(person)


@pytest.fixture
def other(person: Person) -> Person:
    somebody = Person(person.wire)
    somebody.register().expect(201)
    return somebody


@pytest.fixture
def bob(db: None) -> RemoteActor:
    return neighbour("bob")


@pytest.fixture
def theirs(bob: RemoteActor) -> Post:
    return post(bob, 1, "a loud evening")


def quotes(person: Person, quoted: Post, **members: Any) -> Post:
    """What comes of a post that quotes that one."""
    return Post.objects.get(uri=made(person, note(quote=quoted.uri, **members))["object"]["id"])


def refused(person: Person, quoted: Post, **members: Any) -> bool:
    before = everything()
    answer = submit(person, note(quote=quoted.uri, **members))
    assert everything() == before
    return answer.refusal == (403, "not_quotable")


def sent(kind: str) -> list[dict[str, Any]]:
    """What went out of that type, the newest last."""
    return [orjson.loads(bytes(row.body)) for row in Sent.objects.filter(type=kind).order_by("pk")]


def stamp_of(quoted: Post, row: Post, **members: Any) -> dict[str, Any]:
    """What stands at the address of a stamp of another server."""
    return {
        "id": f"{quoted.author.uri}/stamps/1",
        "type": "QuoteAuthorization",
        "attributedTo": quoted.author.uri,
        "interactingObject": row.uri,
        "interactionTarget": quoted.uri,
        **members,
    }


def says_yes(author: RemoteActor, row: Post, stamp: dict[str, Any], **members: Any) -> str:
    """What comes of an Accept of the request that the post has sent."""
    web = {stamp["id"]: stamp}
    given = {"object": f"{row.uri}#quote-request", "result": stamp["id"], **members}
    return does(author, "Accept", web, **given)


def allowed(row: Post) -> Post:
    """The post, by leave of the one of another server whom it quotes."""
    assert row.quote is not None
    author = RemoteActor.objects.get(pk=row.quote.author_id)
    assert says_yes(author, row, stamp_of(row.quote, row)) == "done"
    row.refresh_from_db()
    return row


def state(row: Post) -> tuple[str, str]:
    row.refresh_from_db()
    return row.quote_state, row.quote_authorization


# --- Refused -----------------------------------------------------------------------------------------


def test_what_one_may_not_see_is_not_there_to_be_quoted(person: Person, theirs: Post) -> None:
    Post.objects.update(visibility=Visibility.PRIVATE)
    before = everything()
    assert submit(person, note(quote=theirs.uri)).refusal == (404, "unknown_post")
    assert everything() == before


def test_another_who_writes_for_few_is_quoted_by_nobody(person: Person, theirs: Post) -> None:
    Follow.objects.create(follower=actor_of(person), followee=theirs.author, state=FollowState.ACCEPTED)
    Post.objects.update(visibility=Visibility.PRIVATE)
    assert refused(person, theirs)


def test_ones_own_for_few_is_quoted_for_few(person: Person, alice: LocalActor) -> None:
    own = post(alice, 1, "between us")
    Post.objects.update(visibility=Visibility.PRIVATE)
    assert refused(person, own)
    row = quotes(person, own, to=[alice.followers])
    assert state(row) == (QuoteState.ACCEPTED, "")
    Post.objects.filter(pk=own.pk).update(visibility=Visibility.DIRECT)
    assert refused(person, own, to=[alice.followers])


def test_what_is_for_few_quotes_only_those_whom_it_is_for(
    person: Person, alice: LocalActor, theirs: Post
) -> None:
    carol = neighbour("carol")
    assert refused(person, theirs, to=[carol.uri])
    assert refused(person, theirs, to=[alice.followers])
    row = quotes(person, theirs, to=[theirs.author.uri])
    assert state(row) == (QuoteState.PENDING, "")


def test_a_policy_that_lets_nobody_holds_here_and_elsewhere(
    person: Person, other: Person, theirs: Post
) -> None:
    own = post(actor_of(other), 1, "a quiet morning")
    for quoted in (own, theirs):
        Post.objects.update(quote_automatic_approval="nobody", quote_manual_approval="nobody")
        assert refused(person, quoted)
        Post.objects.update(quote_automatic_approval="followers")
        assert refused(person, quoted)


def test_who_is_blocked_quotes_nothing_of_theirs(person: Person, other: Person) -> None:
    own = post(actor_of(other), 1, "a quiet morning")
    Block.objects.create(actor=own.author, target=actor_of(person))
    assert submit(person, note(quote=own.uri)).refusal == (404, "unknown_post")
    assert not Post.objects.exclude(pk=own.pk).exists()


def test_nobody_but_the_quoted_author_answers(person: Person, theirs: Post) -> None:
    row = quotes(person, theirs)
    eve, mallory = neighbour("eve"), neighbour("mallory", "far.example")
    before = everything()
    for liar in (eve, mallory):
        forged = stamp_of(theirs, row, id=f"{liar.uri}/stamps/1", attributedTo=liar.uri)
        for stamp in (forged, stamp_of(theirs, row)):
            assert says_yes(liar, row, stamp) == "answered_by_another_actor"
        assert does(liar, "Reject", object=f"{row.uri}#quote-request") == "answered_by_another_actor"
    assert everything() == before


def test_a_stamp_that_is_not_the_authors_or_for_others_gives_no_leave(
    person: Person, bob: RemoteActor, theirs: Post
) -> None:
    row = quotes(person, theirs)
    eve = neighbour("eve")
    before = everything()
    for stamp, word in (
        (stamp_of(theirs, row, id="https://far.example/stamps/1"), "quote_authorization_by_another_actor"),
        (stamp_of(theirs, row, attributedTo=eve.uri), "quote_authorization_by_another_actor"),
        (stamp_of(theirs, row, interactingObject=f"{row.uri}0"), "quote_authorization_for_other_objects"),
        (stamp_of(theirs, row, interactionTarget=f"{theirs.uri}0"), "quote_authorization_for_other_objects"),
        (stamp_of(theirs, row, type="Note"), "quote_authorization_missing"),
        ({"id": f"{bob.uri}/stamps/1"}, "quote_authorization_missing"),
    ):
        assert says_yes(bob, row, stamp) == word, stamp
    assert says_yes(bob, row, {"id": "x"}, result=f"{bob.uri}/stamps/9") == "fetch_not_found"
    assert says_yes(bob, row, {"id": "x"}, result=None) == "quote_authorization_missing"
    # What is brought along is not believed: nothing stands there.
    brought = stamp_of(theirs, row)
    assert says_yes(bob, row, {"id": "x"}, result=brought) == "fetch_not_found"
    assert everything() == before


def test_a_stamp_at_another_address_than_its_own_gives_no_leave(
    person: Person, bob: RemoteActor, theirs: Post
) -> None:
    row = quotes(person, theirs)
    web = {f"{bob.uri}/stamps/2": stamp_of(theirs, row)}
    word = does(bob, "Accept", web, object=f"{row.uri}#quote-request", result=f"{bob.uri}/stamps/2")
    assert (word, state(row)[0]) == ("quote_authorization_missing", QuoteState.PENDING)


def test_what_nobody_has_asked_is_not_answered(person: Person, bob: RemoteActor, theirs: Post) -> None:
    plain = Post.objects.get(uri=made(person, note())["object"]["id"])
    row = quotes(person, theirs)
    more = post(bob, 2, "more of that")
    before = everything()
    stamp = stamp_of(theirs, plain)
    assert says_yes(bob, plain, stamp) == "answer_to_nothing_asked"
    assert says_yes(bob, row, stamp, object=f"{row.uri}0#quote-request") == "answer_to_nothing_asked"
    assert says_yes(bob, row, stamp, object=f"{theirs.uri}#quote-request") == "answer_to_nothing_asked"
    about_another = {"type": "QuoteRequest", "object": more.uri, "instrument": row.uri}
    assert says_yes(bob, row, stamp, object=about_another) == "answer_to_nothing_asked"
    assert everything() == before


def test_an_answer_that_comes_twice_counts_once(person: Person, bob: RemoteActor, theirs: Post) -> None:
    row = allowed(quotes(person, theirs))
    before = everything()
    assert says_yes(bob, row, stamp_of(theirs, row)) == "known"
    assert says_yes(bob, row, stamp_of(theirs, row, id=f"{bob.uri}/stamps/2")) == "known"
    assert everything() == before
    assert does(bob, "Reject", object=f"{row.uri}#quote-request") == "done"
    assert does(bob, "Reject", object=f"{row.uri}#quote-request") == "known"
    assert len(sent("Update")) == 2


def test_a_stamp_that_was_taken_back_gives_no_leave_again(
    person: Person, bob: RemoteActor, theirs: Post
) -> None:
    row = allowed(quotes(person, theirs))
    assert does(bob, "Delete", object=stamp_of(theirs, row)["id"]) == "done"
    assert says_yes(bob, row, stamp_of(theirs, row)) == "quote_authorization_revoked"
    assert state(row) == (QuoteState.REVOKED, "")


def test_an_end_that_overtakes_the_leave_stays_the_end(
    person: Person, bob: RemoteActor, theirs: Post
) -> None:
    row = quotes(person, theirs)
    assert does(bob, "Delete", object=stamp_of(theirs, row)["id"]) == "done"
    assert says_yes(bob, row, stamp_of(theirs, row)) == "quote_authorization_revoked"
    assert state(row) == (QuoteState.PENDING, "")


def test_nobody_else_takes_a_stamp_back(person: Person, theirs: Post) -> None:
    row = allowed(quotes(person, theirs))
    stamp = row.quote_authorization
    assert does(neighbour("eve"), "Delete", object=stamp) == "done"
    word = does(neighbour("mallory", "far.example"), "Delete", object=stamp)
    assert word == "object_of_another_origin"
    assert state(row) == (QuoteState.ACCEPTED, stamp)


def test_an_edit_changes_nothing_of_what_is_quoted(person: Person, theirs: Post, bob: RemoteActor) -> None:
    row = allowed(quotes(person, theirs))
    more = post(bob, 2, "more of that")
    for members in ({"quote": more.uri}, {}):
        changed = note("<p>on second thought</p>", id=row.uri, **members)
        assert made(person, {"type": "Update", "object": changed})["object"]["quote"] == theirs.uri
    assert (row.quote_id, state(row)[0]) == (theirs.pk, QuoteState.ACCEPTED)


# --- Of another server --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["quote", "quoteUrl", "_misskey_quote"])
def test_a_post_that_quotes_goes_out_at_once_and_its_author_is_asked(
    person: Person, theirs: Post, name: str
) -> None:
    activity = made(person, note(**{name: theirs.uri}))
    said = activity["object"]
    assert said["quote"] == said["quoteUrl"] == said["_misskey_quote"] == theirs.uri
    assert "quoteAuthorization" not in said
    [link] = said["tag"]
    assert (link["type"], link["href"]) == ("Link", theirs.uri)
    assert said["content"].startswith(f'<p class="quote-inline">RE: <a href="{theirs.uri}">')
    [request] = sent("QuoteRequest")
    assert (request["actor"], request["object"]) == (said["attributedTo"], theirs.uri)
    assert request["instrument"] == said
    created, asked = Sent.objects.order_by("pk")
    assert (created.type, asked.type) == ("Create", "QuoteRequest")
    for row in (created, asked):
        assert [delivery.inbox for delivery in row.deliveries.all()] == [theirs.author.inbox]
    assert Post.objects.get(uri=said["id"]).quote_state == QuoteState.PENDING


def test_a_text_that_names_what_it_quotes_is_not_added_to(person: Person, theirs: Post) -> None:
    said = made(person, note(f'<p><a href="{theirs.uri}">this</a></p>', quote=theirs.uri))["object"]
    assert "quote-inline" not in said["content"]


@pytest.mark.parametrize("named", ["id", "whole"])
def test_with_a_stamp_the_post_is_sent_again(
    person: Person, bob: RemoteActor, theirs: Post, named: str
) -> None:
    row = quotes(person, theirs)
    [request] = sent("QuoteRequest")
    whole = {**request, "id": f"{bob.uri}/asked/1", "instrument": row.uri}
    stamp = stamp_of(theirs, row)
    assert says_yes(bob, row, stamp, object=request["id"] if named == "id" else whole) == "done"
    assert state(row) == (QuoteState.ACCEPTED, stamp["id"])
    [update] = sent("Update")
    assert (update["object"]["quote"], update["object"]["quoteAuthorization"]) == (theirs.uri, stamp["id"])
    assert "updated" not in update["object"]
    assert document(person.wire, row.uri)["quoteAuthorization"] == stamp["id"]
    theirs.refresh_from_db()
    assert theirs.quotes_count == 1


def test_after_a_no_the_post_quotes_no_more(person: Person, bob: RemoteActor, theirs: Post) -> None:
    row = quotes(person, theirs)
    request = {"type": "QuoteRequest", "object": theirs.uri, "instrument": row.uri}
    assert does(bob, "Reject", object=request) == "done"
    assert state(row) == (QuoteState.REJECTED, "")
    [update] = sent("Update")
    assert not update["object"].keys() & {"quote", "quoteUrl", "_misskey_quote", "quoteAuthorization"}
    assert update["object"]["tag"] == []
    assert "quote-inline" not in update["object"]["content"]


@pytest.mark.parametrize("kind", ["Delete", "Reject"])
def test_leave_that_is_taken_back_ends_the_quote(
    person: Person, bob: RemoteActor, theirs: Post, kind: str
) -> None:
    row = allowed(quotes(person, theirs))
    what = row.quote_authorization if kind == "Delete" else f"{row.uri}#quote-request"
    assert does(bob, kind, object=what) == "done"
    assert state(row) == (QuoteState.REVOKED, "")
    assert "quote" not in sent("Update")[-1]["object"]
    assert "quote" not in document(person.wire, row.uri)
    theirs.refresh_from_db()
    assert theirs.quotes_count == 0


def test_a_suspended_host_gives_no_leave(person: Person, bob: RemoteActor, theirs: Post) -> None:
    row = quotes(person, theirs)
    RemoteActor.objects.filter(pk=bob.pk).update(suspended_at="2026-01-01T00:00:00Z")
    assert says_yes(bob, row, stamp_of(theirs, row)) == "actor_suspended"
    assert state(row) == (QuoteState.PENDING, "")


# --- Of this server -----------------------------------------------------------------------------------


def test_ones_own_post_is_quoted_by_nobodys_leave(person: Person, alice: LocalActor) -> None:
    own = post(alice, 1, "a quiet morning")
    row = quotes(person, own)
    assert state(row) == (QuoteState.ACCEPTED, "")
    assert document(person.wire, row.uri)["quote"] == own.uri
    assert not Notification.objects.exists()
    assert not QuoteRequest.objects.exists()


def test_what_anybody_may_quote_is_stamped_before_it_goes_out(person: Person, other: Person) -> None:
    own = post(actor_of(other), 1, "a quiet morning")
    said = made(person, note(quote=own.uri))["object"]
    stamp = document(person.wire, said["quoteAuthorization"])
    assert (stamp["attributedTo"], stamp["interactingObject"], stamp["interactionTarget"]) == (
        own.author.uri,
        said["id"],
        own.uri,
    )
    assert not sent("QuoteRequest")
    told = Notification.objects.get()
    assert (told.recipient_id, told.type, told.post.uri if told.post else "") == (
        own.author_id,
        "quote",
        said["id"],
    )
    own.refresh_from_db()
    assert own.quotes_count == 1


def test_a_quote_that_is_deleted_counts_no_more(person: Person, other: Person) -> None:
    own = post(actor_of(other), 1, "a quiet morning")
    row = quotes(person, own)
    stamp = row.quote_authorization
    made(person, {"type": "Delete", "object": row.uri})
    own.refresh_from_db()
    assert own.quotes_count == 0
    assert get(person.wire, stamp).status == 404


# --- Whom one lets ------------------------------------------------------------------------------------


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
    assert asks(bob, own).state == QuoteState.REVOKED
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


# --- What others quote of each other -------------------------------------------------------------------


def quoting(author: RemoteActor, quoted: Post, **members: Any) -> dict[str, Any]:
    return {
        "id": f"{author.uri}/objects/5",
        "type": "Note",
        "attributedTo": author.uri,
        "to": [PUBLIC],
        "content": "<p>look</p>",
        "quote": quoted.uri,
        **members,
    }


def test_without_a_stamp_nobody_is_shown_to_quote(bob: RemoteActor, theirs: Post) -> None:
    carol = neighbour("carol", "far.example")
    for name in ("quote", "quoteUrl", "_misskey_quote"):
        one = quoting(carol, theirs, id=f"{carol.uri}/objects/{name}", quote=None) | {name: theirs.uri}
        assert does(carol, "Create", object=one) == "done"
    rows = Post.objects.filter(author=carol)
    assert {(row.quote_id, row.quote_state, row.quote_authorization) for row in rows} == {
        (theirs.pk, QuoteState.PENDING, "")
    }
    theirs.refresh_from_db()
    assert theirs.quotes_count == 0


def test_only_a_stamp_that_holds_shows_the_quote(theirs: Post) -> None:
    carol = neighbour("carol", "far.example")
    row = Post(uri=f"{carol.uri}/objects/5")
    stamp = stamp_of(theirs, row)
    for forged in (
        {},
        stamp_of(theirs, row, attributedTo=carol.uri),
        stamp_of(theirs, row, interactingObject=f"{row.uri}0"),
    ):
        one = quoting(carol, theirs, quoteAuthorization=stamp["id"])
        assert does(carol, "Create", {stamp["id"]: forged} if forged else {}, object=one) == "done"
        found = Post.objects.get(author=carol)
        assert state(found) == (QuoteState.PENDING, "")
        found.delete()
    own = stamp_of(theirs, row, id=f"{carol.uri}/stamps/1", attributedTo=carol.uri)
    one = quoting(carol, theirs, quoteAuthorization=own["id"])
    assert does(carol, "Create", {own["id"]: own}, object=one) == "done"
    assert state(Post.objects.get(author=carol)) == (QuoteState.PENDING, "")
    better = quoting(carol, theirs, quoteAuthorization=stamp["id"], updated="2026-11-21T12:00:00Z")
    assert does(carol, "Update", {stamp["id"]: stamp}, object=better) == "done"
    assert state(Post.objects.get(author=carol)) == (QuoteState.ACCEPTED, stamp["id"])
    theirs.refresh_from_db()
    assert theirs.quotes_count == 1


def test_ones_own_is_quoted_without(bob: RemoteActor, theirs: Post) -> None:
    assert does(bob, "Create", object=quoting(bob, theirs)) == "done"
    assert state(Post.objects.get(uri=f"{bob.uri}/objects/5")) == (QuoteState.ACCEPTED, "")


def test_what_is_quoted_by_a_stamp_and_not_here_is_fetched(bob: RemoteActor) -> None:
    carol = neighbour("carol", "far.example")
    quoted = Post(uri=f"{bob.uri}/objects/1", author=bob)
    stamp = stamp_of(quoted, Post(uri=f"{carol.uri}/objects/5"))
    note_ = {"id": quoted.uri, "type": "Note", "attributedTo": bob.uri, "to": [PUBLIC], "content": "x"}
    one = quoting(carol, quoted, quoteAuthorization=stamp["id"])
    assert does(carol, "Create", {quoted.uri: note_, stamp["id"]: stamp}, object=one) == "done"
    row = Post.objects.get(author=carol)
    assert (row.quote_state, row.quote.uri if row.quote else "") == (QuoteState.ACCEPTED, quoted.uri)


def test_what_cannot_be_fetched_keeps_no_post_away(bob: RemoteActor) -> None:
    carol = neighbour("carol", "far.example")
    quoted = Post(uri=f"{bob.uri}/objects/1")
    one = quoting(carol, quoted, quoteAuthorization=f"{bob.uri}/stamps/1")
    assert does(carol, "Create", object=one) == "done"
    row = Post.objects.get(author=carol)
    assert (row.quote_id, row.quote_uri, row.quote_state) == (None, quoted.uri, QuoteState.PENDING)


def test_what_comes_after_its_quotes_is_joined_to_them(bob: RemoteActor) -> None:
    carol = neighbour("carol", "far.example")
    quoted = Post(uri=f"{bob.uri}/objects/1")
    assert does(carol, "Create", object=quoting(carol, quoted)) == "done"
    assert does(bob, "Create", object=quoting(bob, quoted)) == "done"
    note_ = {"id": quoted.uri, "type": "Note", "attributedTo": bob.uri, "to": [PUBLIC], "content": "x"}
    assert does(bob, "Create", object=note_) == "done"
    row = Post.objects.get(uri=quoted.uri)
    states = dict(Post.objects.filter(quote=row).values_list("author__username", "quote_state"))
    assert states == {"carol": QuoteState.PENDING, "bob": QuoteState.ACCEPTED}
    assert row.quotes_count == 1


def test_an_update_may_quote_something_else_and_then_without_leave(bob: RemoteActor, theirs: Post) -> None:
    carol = neighbour("carol", "far.example")
    stamp = stamp_of(theirs, Post(uri=f"{carol.uri}/objects/5"))
    one = quoting(carol, theirs, quoteAuthorization=stamp["id"])
    assert does(carol, "Create", {stamp["id"]: stamp}, object=one) == "done"
    row = Post.objects.get(author=carol)
    # Without the stamp it may be older than the answer.
    older = quoting(carol, theirs, content="<p>see</p>")
    assert does(carol, "Update", object=older) == "done"
    assert state(row) == (QuoteState.ACCEPTED, stamp["id"])
    more = post(bob, 2, "more of that")
    other_ = quoting(carol, more, quoteAuthorization=stamp["id"])
    assert does(carol, "Update", {stamp["id"]: stamp}, object=other_) == "done"
    assert (state(row), row.quote_id) == ((QuoteState.PENDING, ""), more.pk)
    assert does(carol, "Update", object=quoting(carol, more, quote=None)) == "done"
    assert (state(row), row.quote_id, row.quote_uri) == (("", ""), None, "")
    theirs.refresh_from_db()
    assert theirs.quotes_count == 0


def test_a_stamp_taken_back_elsewhere_ends_the_quote_here(bob: RemoteActor, theirs: Post) -> None:
    carol = neighbour("carol", "far.example")
    stamp = stamp_of(theirs, Post(uri=f"{carol.uri}/objects/5"))
    one = quoting(carol, theirs, quoteAuthorization=stamp["id"])
    assert does(carol, "Create", {stamp["id"]: stamp}, object=one) == "done"
    row = Post.objects.get(author=carol)
    assert does(bob, "Delete", object={"type": "QuoteAuthorization", "id": stamp["id"]}) == "done"
    assert state(row) == (QuoteState.REVOKED, "")
    again = one | {"content": "<p>again</p>"}
    assert does(carol, "Update", {stamp["id"]: stamp}, object=again) == "done"
    assert state(row) == (QuoteState.REVOKED, "")
    assert not Sent.objects.exists()
