"""Reactions with an emoji, as clients post them."""

import json
from typing import Any

import pytest

from activitypub.models import Delivery, Like, Sent, Visibility
from activitypub.services import likes
from tests.activitypub.test_actors import actor_of, remote, uri_of
from tests.activitypub.test_outbox import made, note, post_of, submit
from tests.people import Person


def reaction(uri: str, emoji: Any = "🎉") -> dict[str, Any]:
    return {"type": "EmojiReact", "object": uri, "content": emoji}


# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("emoji", [None, "", "yes", "🎉🎉", ":party:", 3, ["🎉x"], {"🎉": 1}])
def test_what_is_no_emoji_is_refused(person: Person, emoji: Any) -> None:
    answer = submit(person, reaction(post_of(remote()).uri, emoji))
    assert answer.refusal == (422, "activity_refused")
    assert answer.json["detail"].endswith(": content_is_no_emoji")
    assert not Like.objects.exists()


def test_a_post_that_one_may_not_see_is_not_reacted_to(person: Person) -> None:
    hidden = post_of(remote(), Visibility.DIRECT)
    assert submit(person, reaction(hidden.uri)).refusal == (404, "unknown_post")
    assert not Like.objects.exists()


def test_nobody_reacts_in_ever_more_ways(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likes, "MOST_OF_ONE", 2)
    post = post_of(remote())
    made(person, reaction(post.uri, "🎉"))
    made(person, reaction(post.uri, "👍"))
    for body in (reaction(post.uri, "❤️"), {"type": "Like", "object": post.uri}):
        assert submit(person, body).refusal == (422, "too_many_reactions")
    assert Like.objects.count() == Sent.objects.count() == 2


def test_nobody_undoes_the_reaction_of_another_or_one_that_is_over(person: Person) -> None:
    other = Person(person.wire)
    other.register().expect(201)
    done = made(other, reaction(post_of(remote()).uri))
    for body in (done["id"], done, {**done, "actor": uri_of(person), "id": f"{uri_of(person)}/objects/1"}):
        assert submit(person, {"type": "Undo", "object": body}).refusal == (422, "activity_refused")
    made(other, {"type": "Undo", "object": done["id"]})
    assert submit(other, {"type": "Undo", "object": done["id"]}).refusal == (422, "activity_refused")
    assert not Like.objects.exists()


# --- Done --------------------------------------------------------------------------------------------


def test_a_reaction_is_counted_once_and_sent_to_the_author(person: Person) -> None:
    bob = remote()
    post = post_of(bob)
    done = made(person, reaction(post.uri))
    assert made(person, reaction(post.uri))["id"] == done["id"]
    assert (done["type"], done["content"], done["object"]) == ("EmojiReact", "🎉", post.uri)
    assert done["@context"][1]["EmojiReact"] == "litepub:EmojiReact"
    assert json.loads(bytes(Sent.objects.get().body)) == done
    assert Delivery.objects.get().inbox == bob.inbox
    post.refresh_from_db()
    assert post.likes_count == 1


@pytest.mark.parametrize("by", ["id", "whole", "said"])
def test_a_reaction_is_undone_and_a_like_beside_it_stays(person: Person, by: str) -> None:
    post = post_of(remote())
    like = made(person, {"type": "Like", "object": post.uri})
    made(person, reaction(post.uri, "👍"))
    done = made(person, reaction(post.uri))
    undone = {"id": done["id"], "whole": done, "said": reaction(post.uri)}[by]
    undo = made(person, {"type": "Undo", "object": undone})
    assert undo["object"]["id"] == done["id"]
    assert (undo["object"]["type"], undo["object"]["content"]) == ("EmojiReact", "🎉")
    assert set(Like.objects.values_list("emoji", flat=True)) == {"", "👍"}
    made(person, {"type": "Undo", "object": {"type": "Like", "object": post.uri}})
    assert set(Like.objects.values_list("emoji", flat=True)) == {"👍"}
    assert like["type"] == "Like"


def test_somebody_here_is_told_of_a_reaction(person: Person) -> None:
    other = Person(person.wire)
    other.register().expect(201)
    uri = made(other, note())["object"]["id"]
    made(person, reaction(uri))
    told = actor_of(other).notifications.get()
    assert (told.actor_id, told.type) == (actor_of(person).pk, "favourite")
