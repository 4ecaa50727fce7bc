"""Likes, reactions, boosts and pins by others: what comes of them, and what they may not do."""

from typing import Any

import pytest

from activitypub.models import (
    Block,
    Boost,
    Follow,
    FollowState,
    Like,
    Notification,
    Pin,
    Post,
    RemoteActor,
    Visibility,
)
from activitypub.services import likes, pins
from tests.activitypub.inbox.effects import activity, comes_of, does, everything
from tests.activitypub.living import post
from tests.activitypub.senders import STREAMS


def note(author: RemoteActor, number: int = 5) -> dict[str, Any]:
    return {
        "@context": STREAMS,
        "id": f"{author.uri}/objects/{number}",
        "type": "Note",
        "attributedTo": author.uri,
        "to": [f"{STREAMS}#Public"],
        "content": "<p>here</p>",
    }


def count(own: Post) -> int:
    return Post.objects.get(pk=own.pk).likes_count


# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seen_by", [Visibility.PRIVATE, Visibility.DIRECT])
def test_who_may_not_see_a_post_cannot_react_to_it(bob: RemoteActor, own: Post, seen_by: Visibility) -> None:
    Post.objects.update(visibility=seen_by)
    before = everything()
    assert does(bob, "Like", object=own.uri) == "unknown_object"
    assert does(bob, "EmojiReact", object=own.uri, content="🐟") == "unknown_object"
    assert everything() == before


def test_whom_the_author_has_blocked_cannot_like(bob: RemoteActor, own: Post) -> None:
    Block.objects.create(actor=own.author, target=bob)
    before = everything()
    assert does(bob, "Like", object=own.uri) == "unknown_object"
    assert everything() == before


def test_a_reaction_is_no_text(bob: RemoteActor, own: Post) -> None:
    before = everything()
    for content in (None, "", "two words", "\n", "x" * (likes.MAX_EMOJI + 1)):
        assert does(bob, "EmojiReact", object=own.uri, content=content) == "unsupported_reaction"
    assert everything() == before


def test_nobody_reacts_to_one_post_without_end(bob: RemoteActor, own: Post) -> None:
    for number in range(likes.MOST_OF_ONE):
        assert does(bob, "EmojiReact", object=own.uri, content=f":e{number}:") == "done"
    before = everything()
    assert does(bob, "EmojiReact", object=own.uri, content=":more:") == "known"
    assert everything() == before


def test_nobody_undoes_what_another_did(
    bob: RemoteActor, eve: RemoteActor, mallory: RemoteActor, own: Post
) -> None:
    assert does(bob, "Like", object=own.uri) == "done"
    boost = activity(bob, "Announce", object=own.uri, to=[f"{STREAMS}#Public"])
    assert comes_of(bob, boost) == "done"
    before = everything()
    for uri in (Like.objects.get().uri, boost["id"]):
        assert does(eve, "Undo", object=uri) == "undone_by_another_actor"
        assert does(mallory, "Undo", object=uri) == "undone_by_another_actor"
        claimed = {"id": uri, "type": "Like", "actor": bob.uri, "object": own.uri}
        assert does(eve, "Undo", object=claimed) == "undone_by_another_actor"
        assert does(eve, "Undo", object=claimed | {"actor": eve.uri}) == "undone_by_another_actor"
    assert does(eve, "Undo", object={"type": "Like", "actor": eve.uri, "object": own.uri}) == "unknown_object"
    assert everything() == before


def test_an_id_that_another_has_taken_keeps_nobody_from_undoing(
    bob: RemoteActor, eve: RemoteActor, own: Post
) -> None:
    like = activity(bob, "Like", object=own.uri)
    assert comes_of(eve, activity(eve, "Like", object=own.uri) | {"id": like["id"]}) == "done"
    Like.objects.create(actor=bob, post=own, uri=like["id"])
    assert does(bob, "Undo", object=like["id"]) == "done"
    assert Like.objects.get().actor_id == eve.pk


def test_nobody_pins_to_anothers_wall_nor_what_is_anothers(
    bob: RemoteActor, eve: RemoteActor, mallory: RemoteActor, own: Post
) -> None:
    hers = post(eve, 1, "hers")
    far = post(mallory, 1, "far away")
    mine = post(bob, 1, "mine")
    Pin.objects.create(actor=eve, post=hers)
    before = everything()
    elsewhere = "collection_of_another_actor"
    for kind in ("Add", "Remove"):
        assert does(bob, kind, object=mine.uri, target=eve.featured) == elsewhere
        assert does(bob, kind, object=mine.uri, target=mallory.featured) == elsewhere
        assert does(bob, kind, object=mine.uri, target=bob.inbox) == elsewhere
        assert does(bob, kind, object=hers.uri, target=bob.featured) == "object_of_another_actor"
    assert does(bob, "Add", object=far.uri, target=bob.featured) == "object_of_another_origin"
    assert does(bob, "Add", object=own.uri, target=bob.featured) == "object_of_another_origin"
    assert everything() == before


def test_what_is_fetched_to_be_pinned_and_is_anothers_is_not_kept(bob: RemoteActor, eve: RemoteActor) -> None:
    hers = note(eve)
    before = everything()
    word = does(bob, "Add", {hers["id"]: hers}, object=hers["id"], target=bob.featured)
    assert word == "object_of_another_actor"
    assert everything() == before


# --- Likes and reactions -----------------------------------------------------------------------------


def test_a_like_is_counted_and_told_once(bob: RemoteActor, own: Post) -> None:
    assert does(bob, "Like", object=own.uri) == "done"
    assert does(bob, "Like", object={"id": own.uri, "type": "Note"}) == "known"
    assert count(own) == 1
    told = Notification.objects.get()
    assert (told.recipient_id, told.actor_id, told.type, told.post_id) == (
        own.author_id,
        bob.pk,
        "favourite",
        own.pk,
    )


def test_a_follower_likes_what_is_for_followers(bob: RemoteActor, own: Post) -> None:
    Post.objects.update(visibility=Visibility.PRIVATE)
    Follow.objects.create(follower=bob, followee=own.author, state=FollowState.ACCEPTED)
    assert does(bob, "Like", object=own.uri) == "done"


@pytest.mark.parametrize(
    ("kind", "members", "emoji"),
    [
        ("EmojiReact", {"content": "🐟"}, "🐟"),
        ("EmojiReact", {"content": ":fish:"}, ":fish:"),
        ("Like", {"_misskey_reaction": "🐟"}, "🐟"),
        ("Like", {"content": "so very nice"}, ""),
    ],
)
def test_a_reaction_is_kept_with_what_it_reacts(
    bob: RemoteActor, own: Post, kind: str, members: dict[str, str], emoji: str
) -> None:
    assert comes_of(bob, activity(bob, kind, object=own.uri, **members)) == "done"
    assert Like.objects.get().emoji == emoji


def test_a_like_with_a_text_is_undone_as_the_like_that_it_was(bob: RemoteActor, own: Post) -> None:
    text = "so very nice"
    assert does(bob, "Like", object=own.uri, content=text) == "done"
    for kind, outcome in (("EmojiReact", "unknown_object"), ("Like", "done")):
        undone = {"type": kind, "actor": bob.uri, "object": own.uri, "content": text}
        assert (kind, does(bob, "Undo", object=undone)) == (kind, outcome)
    assert not Like.objects.exists()


@pytest.mark.parametrize("form", ["id", "whole", "without id"])
@pytest.mark.parametrize("kind", ["Like", "EmojiReact", "Announce"])
def test_what_was_done_is_undone(bob: RemoteActor, own: Post, kind: str, form: str) -> None:
    did = activity(bob, kind, object=own.uri, content="🐟", to=[f"{STREAMS}#Public"])
    assert comes_of(bob, did) == "done"
    forms = {"id": did["id"], "whole": did, "without id": {k: v for k, v in did.items() if k != "id"}}
    assert does(bob, "Undo", object=forms[form]) == "done"
    row = Post.objects.get(pk=own.pk)
    assert (row.likes_count, row.boosts_count) == (0, 0)
    assert not Like.objects.exists()
    assert not Boost.objects.exists()


def test_a_boost_that_comes_after_its_end_has_no_effect(bob: RemoteActor, own: Post) -> None:
    late = activity(bob, "Announce", object=own.uri, to=[f"{STREAMS}#Public"])
    assert does(bob, "Undo", object=late["id"]) == "done"
    assert comes_of(bob, late) == "deleted"
    assert not Boost.objects.exists()


# --- Pins --------------------------------------------------------------------------------------------


def test_a_post_is_pinned_and_taken_down(bob: RemoteActor) -> None:
    mine = post(bob, 1, "mine")
    for _ in range(2):
        assert does(bob, "Add", object=mine.uri, target=bob.featured) == "done"
        assert does(bob, "Add", object=mine.uri, target=bob.featured) == "known"
        assert Pin.objects.get().post_id == mine.pk
        assert does(bob, "Remove", object=mine.uri, target=bob.featured) == "done"
        assert does(bob, "Remove", object=mine.uri, target=bob.featured) == "unchanged"
        assert not Pin.objects.exists()


def test_what_is_pinned_and_not_known_is_fetched(bob: RemoteActor) -> None:
    mine = note(bob)
    assert does(bob, "Add", {mine["id"]: mine}, object=mine["id"], target=bob.featured) == "done"
    assert Pin.objects.get().post.uri == mine["id"]


def test_whoever_pins_everything_pins_so_many(bob: RemoteActor) -> None:
    Pin.objects.bulk_create(Pin(actor=bob, post=post(bob, number, "x")) for number in range(pins.MOST))
    more = post(bob, pins.MOST, "one more")
    assert does(bob, "Add", object=more.uri, target=bob.featured) == "known"
