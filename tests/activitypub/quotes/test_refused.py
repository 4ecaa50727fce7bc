"""What people here may not quote, and answers that give no leave to."""

from activitypub.models import (
    Block,
    Follow,
    FollowState,
    HostPolicy,
    LocalActor,
    Post,
    QuoteState,
    RemoteActor,
    Severity,
    Visibility,
)
from tests.activitypub.inbox.effects import does, everything, neighbour
from tests.activitypub.living import post
from tests.activitypub.quotes.leave import allowed, quotes, refused, says_yes, sent, stamp_of, state
from tests.activitypub.test_actors import actor_of
from tests.activitypub.test_outbox import made, note, submit
from tests.people import Person


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


def test_nothing_is_asked_of_a_suspended_host(person: Person, theirs: Post) -> None:
    HostPolicy.objects.create(host=theirs.author.host, severity=Severity.SUSPEND)
    assert refused(person, theirs)


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
    for number in (1, 2):
        stamp = stamp_of(theirs, row, id=f"{bob.uri}/stamps/{number}")
        assert says_yes(bob, row, stamp) == "quote_authorization_revoked"
    assert state(row) == (QuoteState.REVOKED, "")
    assert len(sent("Update")) == 2


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
