"""What people of other servers quote of each other: shown by a stamp that holds, or one's own (FEP-044f)."""

from activitypub.models import (
    Post,
    QuoteState,
    RemoteActor,
    Sent,
)
from activitypub.rendering import PUBLIC, post_document
from tests.activitypub.inbox.effects import does, neighbour
from tests.activitypub.living import post
from tests.activitypub.quotes.leave import quoting, stamp_of, state


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


def test_a_stamp_that_was_read_is_not_read_with_each_edit(theirs: Post) -> None:
    carol = neighbour("carol", "far.example")
    stamp = stamp_of(theirs, Post(uri=f"{carol.uri}/objects/5"))
    one = quoting(carol, theirs, quoteAuthorization=stamp["id"])
    assert does(carol, "Create", {stamp["id"]: stamp}, object=one) == "done"
    row = Post.objects.get(author=carol)
    # Nothing stands anywhere: whatever was asked for would be missing.
    one["content"] = "<p>see</p>"
    assert does(carol, "Update", object=one) == "done"
    assert state(row) == (QuoteState.ACCEPTED, stamp["id"])
    assert does(carol, "Update", object=one | {"quoteAuthorization": f"{stamp['id']}0"}) == "unchanged"
    assert state(row) == (QuoteState.ACCEPTED, stamp["id"])


def test_a_client_is_told_of_no_quote_without_leave(theirs: Post) -> None:
    carol = neighbour("carol", "far.example")
    assert does(carol, "Create", object=quoting(carol, theirs)) == "done"
    row = Post.objects.get(author=carol)
    said = post_document(row)
    assert not said.keys() & {"quote", "quoteUrl", "_misskey_quote"}
    assert (said["content"], said["tag"]) == ("<p>look</p>", [])
    Post.objects.filter(pk=row.pk).update(quote_state=QuoteState.ACCEPTED)
    row.refresh_from_db()
    said = post_document(row)
    assert (said["quote"], said["content"]) == (theirs.uri, "<p>look</p>")


def test_with_who_leaves_go_the_quotes(theirs: Post) -> None:
    carol = neighbour("carol", "far.example")
    stamp = stamp_of(theirs, Post(uri=f"{carol.uri}/objects/5"))
    one = quoting(carol, theirs, quoteAuthorization=stamp["id"])
    assert does(carol, "Create", {stamp["id"]: stamp}, object=one) == "done"
    assert does(carol, "Delete", object=carol.uri) == "done"
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
