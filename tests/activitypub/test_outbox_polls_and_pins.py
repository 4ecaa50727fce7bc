"""Polls, votes and pins, as clients post them."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from activitypub.models import (
    Delivery,
    Edition,
    Follow,
    FollowState,
    Pin,
    Post,
    RemoteActor,
    Sent,
    Visibility,
    Vote,
)
from activitypub.rendering import PUBLIC, STREAMS
from tests.activitypub.reading import document
from tests.activitypub.test_actors import actor_of, remote, uri_of
from tests.activitypub.test_outbox import made, note, nothing_happened, submit
from tests.people import Person


def in_a_day() -> str:
    return (timezone.now() + timedelta(days=1)).isoformat()


def question(*names: str, kind: str = "oneOf", **members: Any) -> dict[str, Any]:
    return {
        "@context": STREAMS,
        "type": "Question",
        "content": "<p>which?</p>",
        "to": [PUBLIC],
        kind: [{"type": "Note", "name": name} for name in names or ("tea", "coffee")],
        "endTime": in_a_day(),
        **members,
    }


def vote(uri: str, name: str) -> dict[str, Any]:
    return {"@context": STREAMS, "type": "Note", "inReplyTo": uri, "name": name}


def remote_question(author: RemoteActor, **members: Any) -> Post:
    poll = {
        "options": [{"name": "tea", "votes": 3}, {"name": "coffee", "votes": 4}],
        "multiple": False,
        "end_time": in_a_day(),
        "closed": None,
        "voters_count": 7,
    } | members
    return Post.objects.create(
        uri=f"{author.uri}/1",
        author=author,
        type="Question",
        visibility=Visibility.PUBLIC,
        published=timezone.now(),
        poll=poll,
    )


# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (question("only"), "options"),
        (question("same", "same"), "options"),
        (question(*map(str, range(11))), "options"),
        (question("x" * 101, "y"), "options"),
        (question(" ", "y"), "options"),
        (question(endTime=None), "endTime"),
        (question(endTime="2020-01-01T00:00:00Z"), "endTime"),
        (question(endTime="9999-01-01T00:00:00Z"), "endTime"),
        ({**question(), "oneOf": []}, "type"),
    ],
)
def test_a_poll_that_is_none_is_refused(person: Person, body: Any, field: str) -> None:
    answer = submit(person, body)
    assert answer.refusal == (422, "invalid_fields")
    assert list(answer.json["errors"]) == [field]
    assert nothing_happened()


def test_what_cannot_be_voted_for_is_refused_and_counts_nothing(person: Person, other: Person) -> None:
    uri = made(person, question())["object"]["id"]
    plain = made(person, note())["object"]["id"]
    ended = remote_question(remote(), end_time="2020-01-01T00:00:00+00:00")
    for body, reason in (
        (vote(uri, "cocoa"), "unknown_option"),
        (vote(plain, "tea"), "no_poll"),
        (vote(ended.uri, "tea"), "poll_closed"),
    ):
        answer = submit(other, body)
        assert answer.refusal == (422, "poll_refuses_vote")
        assert answer.json["detail"].endswith(f": {reason}")
    assert submit(person, vote(uri, "tea")).json["detail"].endswith(": own_poll")
    assert not Vote.objects.exists()


@pytest.mark.parametrize(("kind", "second"), [("oneOf", "coffee"), ("oneOf", "tea"), ("anyOf", "tea")])
def test_nobody_votes_twice_for_one_or_for_more_than_one_may(
    person: Person, other: Person, kind: str, second: str
) -> None:
    uri = made(person, question(kind=kind))["object"]["id"]
    made(other, vote(uri, "tea"))
    answer = submit(other, vote(uri, second))
    assert answer.json["detail"].endswith(": voted_before")
    assert Vote.objects.count() == 1


def test_a_poll_that_one_may_not_see_is_not_voted_in(person: Person, other: Person) -> None:
    uri = made(person, question(to=[]))["object"]["id"]
    assert submit(other, vote(uri, "tea")).refusal == (404, "unknown_post")


@pytest.mark.parametrize("kind", ["Add", "Remove"])
def test_only_what_is_ones_own_and_for_all_is_pinned_and_only_to_ones_own(
    person: Person, other: Person, kind: str
) -> None:
    theirs = made(other, note())["object"]["id"]
    private = made(person, note(to=[f"{uri_of(person)}/followers"]))["object"]["id"]
    own = made(person, note())["object"]["id"]
    featured = f"{uri_of(person)}/featured"
    refused = (404, "unknown_pin")
    for uri, target, refusal in (
        (theirs, featured, (403, "not_yours") if kind == "Add" else refused),
        (private, featured, (403, "not_shared") if kind == "Add" else refused),
        (own, f"{uri_of(other)}/featured", (422, "activity_refused")),
        (own, None, (422, "activity_refused")),
    ):
        assert submit(person, {"type": kind, "object": uri, "target": target}).refusal == refusal
    assert not Pin.objects.exists()


# --- Done --------------------------------------------------------------------------------------------


def test_a_question_is_published_with_its_options(person: Person) -> None:
    activity = made(person, question("tea", "R&B <3", kind="anyOf"))
    assert activity["object"]["type"] == "Question"
    names = [option["name"] for option in activity["object"]["anyOf"]]
    assert names == ["tea", "R&B <3"]
    served = document(person.wire, activity["object"]["id"])
    assert [option["replies"]["totalItems"] for option in served["anyOf"]] == [0, 0]
    assert served["endTime"] > "2026"


def test_votes_of_people_here_are_counted(person: Person, other: Person) -> None:
    uri = made(person, question(kind="anyOf"))["object"]["id"]
    for name in ("tea", "coffee"):
        made(other, vote(uri, name))
    served = document(person.wire, uri)
    assert [option["replies"]["totalItems"] for option in served["anyOf"]] == [1, 1]
    assert served["votersCount"] == 1
    assert Post.objects.count() == 1
    assert Post.objects.get().replies_count == 0


def test_a_vote_elsewhere_goes_to_the_author_alone_and_counts_nothing_here(person: Person) -> None:
    bob, fan = remote(), remote("fan", "fans.example")
    Follow.objects.create(follower=fan, followee=actor_of(person), state=FollowState.ACCEPTED)
    asked = remote_question(bob)
    activity = made(person, vote(asked.uri, "coffee"))
    assert activity["to"] == activity["object"]["to"] == [bob.uri]
    assert activity["object"]["name"] == "coffee"
    assert "content" not in activity["object"]
    assert Delivery.objects.get().inbox == bob.inbox
    before = asked.poll
    asked.refresh_from_db()
    assert asked.poll == before
    assert document(person.wire, f"{uri_of(person)}/outbox")["totalItems"] == 0


def test_an_edit_of_a_question_keeps_its_poll_and_its_votes(person: Person, other: Person) -> None:
    uri = made(person, question("tea", "<b> & co"))["object"]["id"]
    made(other, vote(uri, "tea"))
    changed = question("cocoa", "milk", id=uri, content="<p>which one?</p>", kind="anyOf")
    updated = made(person, {"type": "Update", "object": changed})
    served = document(person.wire, uri)
    assert served["content"] == updated["object"]["content"] == "<p>which one?</p>"
    assert [(one["name"], one["replies"]["totalItems"]) for one in served["oneOf"]] == [
        ("tea", 1),
        ("<b> & co", 0),
    ]
    assert "anyOf" not in served
    assert Edition.objects.get().content == "<p>which?</p>"


def test_a_pin_is_featured_and_told_to_followers_once(person: Person) -> None:
    fan = remote("fan", "fans.example")
    Follow.objects.create(follower=fan, followee=actor_of(person), state=FollowState.ACCEPTED)
    featured = f"{uri_of(person)}/featured"
    uri = made(person, note())["object"]["id"]
    for kind, shown in (("Add", [uri]), ("Add", [uri]), ("Remove", [])):
        activity = made(person, {"type": kind, "object": uri, "target": featured})
        assert (activity["type"], activity["object"], activity["target"]) == (kind, uri, featured)
        assert document(person.wire, f"{featured}?page=first")["orderedItems"] == shown
    told = Sent.objects.exclude(type="Create").order_by("pk")
    assert list(told.values_list("type", flat=True)) == ["Add", "Remove"]
    assert set(Delivery.objects.values_list("inbox", flat=True)) == {fan.inbox}
