"""People here quote what they and others have written, by the leave of its author (FEP-044f)."""

import pytest

from activitypub.models import (
    LocalActor,
    Notification,
    Post,
    QuoteRequest,
    QuoteState,
    RemoteActor,
    Sent,
)
from tests.activitypub.inbox.effects import does
from tests.activitypub.living import post
from tests.activitypub.quotes.leave import allowed, quotes, says_yes, sent, stamp_of, state
from tests.activitypub.reading import document, get
from tests.activitypub.test_actors import BROWSER, actor_of
from tests.activitypub.test_outbox import made, note, submit
from tests.people import Person

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


def test_a_quote_needs_no_words(person: Person, theirs: Post) -> None:
    said = made(person, note("", quote=theirs.uri))["object"]
    assert said["content"].startswith('<p class="quote-inline">')
    assert submit(person, note("")).refusal == (422, "invalid_fields")


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


def test_a_no_of_another_server_may_become_a_yes(person: Person, bob: RemoteActor, theirs: Post) -> None:
    row = quotes(person, theirs)
    assert does(bob, "Reject", object=f"{row.uri}#quote-request") == "done"
    assert allowed(row).quote_state == QuoteState.ACCEPTED
    assert sent("Update")[-1]["object"]["quote"] == theirs.uri


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


def test_a_page_for_browsers_names_what_is_quoted_by_leave(person: Person, theirs: Post) -> None:
    row = quotes(person, theirs)
    assert theirs.uri not in get(person.wire, row.uri, BROWSER).expect(200).body.decode()
    allowed(row)
    assert f'<a href="{theirs.uri}"' in get(person.wire, row.uri, BROWSER).expect(200).body.decode()


# --- Edited ---------------------------------------------------------------------------------------------


def test_an_edit_changes_nothing_of_what_is_quoted(person: Person, theirs: Post, bob: RemoteActor) -> None:
    row = allowed(quotes(person, theirs))
    more = post(bob, 2, "more of that")
    for members in ({"quote": more.uri}, {}):
        changed = note("<p>on second thought</p>", id=row.uri, **members)
        assert made(person, {"type": "Update", "object": changed})["object"]["quote"] == theirs.uri
    assert (row.quote_id, state(row)[0]) == (theirs.pk, QuoteState.ACCEPTED)


def test_what_was_read_here_changed_and_sent_back_names_the_quoted_once(person: Person, theirs: Post) -> None:
    row = quotes(person, theirs)
    said = document(person.wire, row.uri)
    said = {name: said[name] for name in ("id", "type", "content", "to")}
    said["content"] += "<p>and more</p>"
    content = made(person, {"type": "Update", "object": said})["object"]["content"]
    assert content.count("quote-inline") == 1
    assert content.endswith("<p>hello</p><p>and more</p>")
