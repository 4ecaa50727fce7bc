"""A poll from its first vote to its end: counts are told now and then, and how it ended once."""

from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from django.utils import timezone

from activitypub.fetching.errors import DownForNow, Gone, Reason
from activitypub.models import (
    Block,
    Delivery,
    Errand,
    Follow,
    FollowState,
    LocalActor,
    Mute,
    Notification,
    Post,
    RemoteActor,
    Sent,
    Vote,
)
from activitypub.rendering import PUBLIC, STREAMS
from activitypub.services import errands, moderation, polls
from tests.activitypub.coming_due import after, do_due, waiting
from tests.activitypub.inbox.effects import does, everything, neighbour
from tests.activitypub.reading import document
from tests.activitypub.test_actors import actor_of, uri_of
from tests.activitypub.test_outbox import made, submit
from tests.activitypub.test_outbox_polls_and_pins import question, remote_question, vote
from tests.people import Person


def asked(person: Person, **members: Any) -> Post:
    """A question of the person's, and nothing waits to be sent."""
    uri = made(person, question(**members))["object"]["id"]
    Sent.objects.all().delete()
    return Post.objects.get(uri=uri)


def votes(actor: RemoteActor, post: Post, name: str = "tea", number: int = 1, **members: Any) -> str:
    """What comes of a vote from elsewhere."""
    ballot = {
        "id": f"{actor.uri}/votes/{number}",
        "type": "Note",
        "attributedTo": actor.uri,
        "inReplyTo": post.uri,
        "name": name,
        **members,
    }
    return does(actor, "Create", object=ballot)


def told() -> list[tuple[str, str, list[str]]]:
    """What was sent: type, votes for each option, and where to."""
    found = []
    for sent in Sent.objects.order_by("pk"):
        body = orjson.loads(bytes(sent.body))
        options = [str(one["replies"]["totalItems"]) for one in body["object"].get("oneOf", [])]
        inboxes = Delivery.objects.filter(activity=sent).order_by("inbox").values_list("inbox", flat=True)
        found.append((sent.type, "-".join(options), list(inboxes)))
    return found


def notified() -> list[tuple[int, int]]:
    rows = Notification.objects.filter(type="poll").order_by("recipient_id")
    return list(rows.values_list("recipient_id", "actor_id"))


def ended(post: Post) -> datetime:
    return datetime.fromisoformat((post.poll or {})["end_time"] or timezone.now().isoformat())


# --- Refused -----------------------------------------------------------------------------------------


def test_a_vote_after_the_end_or_a_second_one_is_refused(
    person: Person, bob: RemoteActor, carol: RemoteActor
) -> None:
    post = asked(person)
    assert votes(bob, post) == "done"
    before = everything()
    assert votes(bob, post, number=2) == "voted_before"
    assert votes(bob, post, "coffee", number=3) == "voted_before"
    assert votes(carol, post, "cocoa") == "unknown_option"
    assert everything() == before
    Post.objects.update(poll={**(post.poll or {}), "end_time": timezone.now().isoformat()})
    before = everything()
    assert votes(carol, post) == "poll_closed"
    assert everything() == before


@pytest.mark.parametrize("to", [[], ["followers"]])
def test_who_may_not_see_a_poll_does_not_vote_in_it(person: Person, bob: RemoteActor, to: list[str]) -> None:
    post = asked(person, to=[f"{uri_of(person)}/{name}" for name in to])
    before = everything()
    assert votes(bob, post) == "unknown_poll"
    assert everything() == before


def test_who_is_blocked_does_not_vote(person: Person, bob: RemoteActor) -> None:
    post = asked(person)
    Block.objects.create(actor=actor_of(person), target=bob)
    assert votes(bob, post) == "unknown_poll"
    assert not Vote.objects.exists()


def test_nobody_votes_in_the_poll_of_who_is_suspended(person: Person, bob: RemoteActor) -> None:
    post = asked(person)
    moderation.suspend(actor_of(person))
    assert votes(bob, post) == "unknown_poll"
    assert not Vote.objects.exists()


def test_a_vote_in_anothers_name_is_refused(person: Person, bob: RemoteActor, carol: RemoteActor) -> None:
    post = asked(person)
    assert votes(bob, post, attributedTo=[carol.uri]) == "object_attributed_to_another_origin"
    assert not Vote.objects.exists()


def test_a_follower_votes_in_a_poll_for_followers(person: Person, bob: RemoteActor) -> None:
    post = asked(person, to=[f"{uri_of(person)}/followers"])
    Follow.objects.create(follower=bob, followee=actor_of(person), state=FollowState.ACCEPTED)
    assert votes(bob, post) == "done"


# --- Counts that are told now and then ---------------------------------------------------------------


def test_many_votes_are_told_once_to_followers_and_voters(
    person: Person, other: Person, bob: RemoteActor, carol: RemoteActor
) -> None:
    post = asked(person)
    fan = neighbour("fan", "fans.example")
    Follow.objects.create(follower=fan, followee=actor_of(person), state=FollowState.ACCEPTED)
    votes(bob, post)
    votes(carol, post, "coffee")
    made(other, vote(post.uri, "tea"))
    assert told() == []
    do_due(after(minutes=2))
    assert told() == []
    do_due(after(minutes=4))
    assert told() == [("Update", "2-1", sorted(one.inbox for one in (bob, carol, fan)))]
    do_due(after(minutes=8))
    assert len(told()) == 1


def test_what_is_told_is_not_an_edit_and_shown_in_no_outbox(person: Person, bob: RemoteActor) -> None:
    post = asked(person)
    votes(bob, post)
    do_due(after(minutes=4))
    sent = Sent.objects.get()
    body = orjson.loads(bytes(sent.body))
    assert (body["object"]["id"], body["object"]["votersCount"]) == (post.uri, 1)
    assert "updated" not in body["object"]
    assert not sent.public
    assert bob.uri not in bytes(sent.body).decode()


def test_a_vote_after_they_were_told_is_told_again(
    person: Person, bob: RemoteActor, carol: RemoteActor
) -> None:
    post = asked(person)
    votes(bob, post)
    do_due(after(minutes=4))
    votes(carol, post, "coffee")
    do_due(after(minutes=8))
    assert [(kind, counts) for kind, counts, _ in told()] == [("Update", "1-0"), ("Update", "1-1")]


def test_a_poll_among_a_few_is_told_to_no_followers(person: Person, bob: RemoteActor) -> None:
    fan = neighbour("fan", "fans.example")
    Follow.objects.create(follower=fan, followee=actor_of(person), state=FollowState.ACCEPTED)
    post = asked(person, to=[bob.uri])
    assert votes(bob, post) == "done"
    do_due(after(minutes=4))
    assert [inboxes for _, _, inboxes in told()] == [[bob.inbox]]


@pytest.mark.parametrize("to", ["public", "followers"])
def test_who_was_sent_away_since_they_voted_is_told_nothing(
    person: Person, bob: RemoteActor, to: str
) -> None:
    author = actor_of(person)
    Follow.objects.create(follower=bob, followee=author, state=FollowState.ACCEPTED)
    post = asked(person, to=[PUBLIC if to == "public" else f"{uri_of(person)}/followers"])
    votes(bob, post)
    Follow.objects.all().delete()
    if to == "public":
        Block.objects.create(actor=author, target=bob)
    do_due(after(minutes=4))
    assert not Delivery.objects.exists()


def test_of_who_is_suspended_nothing_is_told_and_of_what_is_deleted_nothing_is_left(
    person: Person, bob: RemoteActor
) -> None:
    post = asked(person)
    votes(bob, post)
    moderation.suspend(actor_of(person))
    Sent.objects.all().delete()
    do_due(after(minutes=4))
    assert told() == []
    post.delete()
    assert not Errand.objects.exists()


def test_when_it_breaks_off_half_way_it_is_told_the_next_time(
    person: Person, bob: RemoteActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = asked(person)
    votes(bob, post)

    def broken(*arguments: object, **how: object) -> None:
        raise OSError("the disk")

    with monkeypatch.context() as patch:
        patch.setattr("activitypub.services.polls.publishing.send_about", broken)
        with pytest.raises(OSError, match="the disk"):
            do_due(after(minutes=4))
    assert told() == []
    do_due(after(minutes=5))
    assert told() == []  # it was taken, and whoever took it may yet live
    do_due(after(minutes=10))
    assert len(told()) == 1


def test_what_was_done_meanwhile_is_not_done_again(person: Person, bob: RemoteActor) -> None:
    votes(bob, asked(person))
    now = after(minutes=4)
    [errand] = errands.take(10, now)
    for _ in range(2):
        errands.do(errand, polls.tell, None, now)
    assert len(told()) == 1


# --- The end of a poll of this server ----------------------------------------------------------------


def test_an_end_is_told_to_voters_everywhere_and_to_the_author(
    person: Person, other: Person, bob: RemoteActor
) -> None:
    post = asked(person)
    votes(bob, post, "coffee")
    made(other, vote(post.uri, "tea"))
    author = actor_of(person)
    do_due(ended(post))
    assert told() == [("Update", "1-1", [bob.inbox])]
    assert notified() == sorted([(author.pk, author.pk), (actor_of(other).pk, author.pk)])
    assert waiting() == {}
    served = document(person.wire, post.uri)
    assert served["closed"] == served["endTime"]
    do_due(ended(post) + timedelta(days=1))
    assert len(told()) == 1
    assert len(notified()) == 2


def test_who_wants_nothing_of_the_author_is_not_told(person: Person, other: Person) -> None:
    post = asked(person)
    made(other, vote(post.uri, "tea"))
    Mute.objects.create(actor=actor_of(other), target=actor_of(person))
    do_due(ended(post))
    assert notified() == [(actor_of(person).pk, actor_of(person).pk)]


def test_many_voters_are_told_in_parts_and_each_once(
    person: Person, other: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polls, "AT_ONCE", 1)
    post = asked(person, kind="anyOf")
    third = Person(person.wire)
    third.register().expect(201)
    for voter in (other, third):
        for name in ("tea", "coffee"):
            made(voter, vote(post.uri, name))
    do_due(ended(post))
    recipients = {recipient for recipient, _ in notified()}
    assert recipients == {actor_of(one).pk for one in (person, other, third)}
    assert len(notified()) == 3
    assert [kind for kind, _, _ in told()] == []


def test_an_end_before_its_time_is_none(person: Person) -> None:
    post = asked(person)
    do_due(ended(post) - timedelta(seconds=1))
    assert notified() == []
    assert set(waiting()) == {"poll_ended"}


# --- The end of a poll elsewhere ---------------------------------------------------------------------


def result(post: Post, *counts: int, **members: Any) -> dict[str, dict[str, Any]]:
    """What the other server says of its poll."""
    options = zip(("tea", "coffee"), counts, strict=True)
    said = {
        "@context": STREAMS,
        "id": post.uri,
        "type": "Question",
        "attributedTo": post.author.uri,
        "to": [PUBLIC],
        "oneOf": [
            {"type": "Note", "name": name, "replies": {"type": "Collection", "totalItems": count}}
            for name, count in options
        ],
        "endTime": ended(post).isoformat(),
        **members,
    }
    return {post.uri: said}


@pytest.fixture
def theirs(person: Person, bob: RemoteActor) -> Post:
    """A poll of bob's in which the person has voted."""
    post = remote_question(bob)
    made(person, vote(post.uri, "tea"))
    return post


def counts_of(post: Post) -> list[int]:
    post.refresh_from_db()
    return [option["votes"] for option in (post.poll or {})["options"]]


def test_a_result_is_fetched_once_and_told_to_who_voted_here(
    person: Person, bob: RemoteActor, theirs: Post
) -> None:
    late = ended(theirs) + timedelta(minutes=1)
    assert do_due(ended(theirs)) == []
    assert do_due(late, result(theirs, 40, 60)) == [theirs.uri]
    assert counts_of(theirs) == [40, 60]
    assert notified() == [(actor_of(person).pk, bob.pk)]
    assert do_due(late + timedelta(days=1), result(theirs, 50, 60)) == []
    assert counts_of(theirs) == [40, 60]


def test_what_is_not_the_poll_changes_nothing_and_the_end_is_told(
    person: Person, bob: RemoteActor, theirs: Post
) -> None:
    for members in ({"attributedTo": "https://near.example/users/eve"}, {"id": f"{bob.uri}/2"}):
        forged = result(theirs, 1, 99, **members)
        Errand.objects.all().delete()
        polls._look_at_its_end(theirs, timezone.now())
        do_due(ended(theirs) + timedelta(minutes=1), forged)
        assert counts_of(theirs) == [3, 4]
    assert notified() == [(actor_of(person).pk, bob.pk)]


def test_a_server_that_is_down_is_asked_some_times_and_then_the_end_is_told(
    person: Person, bob: RemoteActor, theirs: Post
) -> None:
    down = {theirs.uri: DownForNow(Reason.TIMEOUT)}
    now, asked_for = ended(theirs) + timedelta(minutes=1), 0
    for _ in range(200):
        asked_for += len(do_due(now, down))
        if not waiting():
            break
        assert notified() == []
        now = waiting()["poll_ended"]
    assert asked_for == polls.MOST_ASKED
    assert notified() == [(actor_of(person).pk, bob.pk)]


def test_of_a_poll_that_is_gone_nobody_is_told(theirs: Post) -> None:
    do_due(ended(theirs) + timedelta(minutes=1), {theirs.uri: Gone(Reason.GONE)})
    assert notified() == []
    assert waiting() == {}


def test_a_poll_that_was_prolonged_is_looked_at_again(person: Person, bob: RemoteActor, theirs: Post) -> None:
    late = ended(theirs) + timedelta(minutes=1)
    longer = late + timedelta(hours=3)
    do_due(late, result(theirs, 5, 5, endTime=longer.isoformat()))
    assert notified() == []
    assert waiting() == {"poll_ended": longer + timedelta(minutes=1)}
    do_due(longer + timedelta(minutes=1), result(theirs, 6, 5, endTime=longer.isoformat()))
    assert len(notified()) == 1


def test_who_prolongs_a_poll_by_a_second_each_time_is_not_asked_every_second(theirs: Post) -> None:
    late = ended(theirs) + timedelta(minutes=1)
    do_due(late, result(theirs, 5, 5, endTime=(late + timedelta(seconds=1)).isoformat()))
    assert waiting()["poll_ended"] >= late + timedelta(minutes=5)


def test_an_end_that_is_said_before_its_time_is_told_at_once(
    person: Person, bob: RemoteActor, theirs: Post
) -> None:
    now = timezone.now()
    said = result(theirs, 8, 9, closed=now.isoformat())[theirs.uri]
    assert does(bob, "Update", object=said) == "done"
    do_due(after(seconds=1), {theirs.uri: said})
    assert notified() == [(actor_of(person).pk, bob.pk)]
    assert counts_of(theirs) == [8, 9]


def test_a_poll_without_an_end_is_told_when_it_says_that_it_is_over(person: Person, bob: RemoteActor) -> None:
    post = remote_question(bob, end_time=None)
    made(person, vote(post.uri, "tea"))
    endless = result(post, 1, 1, endTime=None)
    assert do_due(after(days=29), endless) == []
    said = {**endless[post.uri], "closed": True}
    assert does(bob, "Update", object=said) == "done"
    assert do_due(after(seconds=1), {post.uri: said}) == [post.uri]
    assert notified() == [(actor_of(person).pk, bob.pk)]


def test_a_poll_without_an_end_is_not_asked_for_for_ever(person: Person, bob: RemoteActor) -> None:
    post = remote_question(bob, end_time=None)
    made(person, vote(post.uri, "tea"))
    assert do_due(after(days=31), result(post, 1, 1, endTime=None)) == [post.uri]
    assert notified() == []
    assert waiting() == {}


def test_nobody_ends_anothers_poll(person: Person, theirs: Post, carol: RemoteActor) -> None:
    before = everything()
    said = result(theirs, 8, 9, closed=timezone.now().isoformat())[theirs.uri]
    assert does(carol, "Update", object=said) == "object_of_another_origin"
    assert everything() == before


def test_a_poll_in_which_nobody_here_has_voted_is_not_asked_for(bob: RemoteActor) -> None:
    post = remote_question(bob)
    assert do_due(ended(post) + timedelta(hours=1), result(post, 1, 1)) == []


def test_voters_of_another_server_are_no_people_to_tell_here(
    person: Person, bob: RemoteActor, carol: RemoteActor
) -> None:
    post = asked(person)
    votes(carol, post)
    do_due(ended(post))
    assert notified() == [(actor_of(person).pk, actor_of(person).pk)]
    assert not Notification.objects.exclude(recipient__in=LocalActor.objects.all()).exists()


def test_who_has_moved_votes_no_more(person: Person, bob: RemoteActor) -> None:
    LocalActor.objects.filter(account_id=person.id).update(moved_to="https://new.example/users/x")
    post = remote_question(bob)
    assert submit(person, vote(post.uri, "tea")).refusal == (403, "actor_moved")
    assert not Vote.objects.exists()
