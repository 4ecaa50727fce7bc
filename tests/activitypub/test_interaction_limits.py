"""What an author elsewhere does not let others do to a post, people of this server do not do."""

from typing import Any

import pytest

from activitypub.models import (
    Boost,
    Follow,
    FollowState,
    Like,
    LocalActor,
    Mention,
    Post,
    RemoteActor,
    Sent,
)
from activitypub.rendering import PUBLIC
from activitypub.services.posts import known
from tests.activitypub.inbox.effects import does, everything
from tests.activitypub.test_actors import actor_of, remote, uri_of
from tests.activitypub.test_outbox import made, note, submit
from tests.people import Answer, Person

REFUSED = (403, "interaction_refused")
WAYS = ("canLike", "canReply", "canAnnounce")


@pytest.fixture
def alice(person: Person) -> LocalActor:
    return actor_of(person)


@pytest.fixture
def bob(db: None) -> RemoteActor:
    bob = remote()
    bob.followers, bob.following = f"{bob.uri}/followers", f"{bob.uri}/following"
    bob.save()
    return bob


def limited(bob: RemoteActor, *names: str, **members: Any) -> dict[str, Any]:
    return {
        "id": f"{bob.uri}/objects/1",
        "type": "Note",
        "attributedTo": bob.uri,
        "to": [PUBLIC],
        "content": "<p>for some</p>",
        "interactionPolicy": {way: {"automaticApproval": [bob.uri], "manualApproval": names} for way in WAYS},
        **members,
    }


def comes(bob: RemoteActor, *names: str, **members: Any) -> Post:
    document = limited(bob, *names, **members)
    assert does(bob, "Create", object=document) == "done"
    post = known(document["id"])
    assert post is not None
    return post


def tries(person: Person, post: Post) -> list[Answer]:
    return [
        submit(person, {"type": "Like", "object": post.uri}),
        submit(person, {"type": "EmojiReact", "object": post.uri, "content": "🐟"}),
        submit(person, {"type": "Announce", "object": post.uri, "to": [PUBLIC]}),
        submit(person, {**note(), "inReplyTo": post.uri}),
    ]


# --- Refused -----------------------------------------------------------------------------------------


def test_what_the_author_lets_nobody_do_is_not_done(
    person: Person, alice: LocalActor, bob: RemoteActor
) -> None:
    Follow.objects.create(follower=alice, followee=bob, state=FollowState.ACCEPTED)
    post = comes(bob)
    before = everything()
    for answer in tries(person, post):
        assert answer.refusal == REFUSED
    assert everything() == before


def test_what_followers_alone_may_others_may_not(person: Person, alice: LocalActor, bob: RemoteActor) -> None:
    post = comes(bob, f"{bob.uri}/followers")
    Follow.objects.create(follower=alice, followee=bob)
    Follow.objects.create(follower=bob, followee=alice, state=FollowState.ACCEPTED)
    assert {answer.refusal for answer in tries(person, post)} == {REFUSED}
    Follow.objects.filter(follower=alice).update(state=FollowState.ACCEPTED)
    assert {answer.status for answer in tries(person, post)} == {201}


def test_what_those_may_whom_the_author_follows_others_may_not(
    person: Person, alice: LocalActor, bob: RemoteActor
) -> None:
    post = comes(bob, f"{bob.uri}/following")
    Follow.objects.create(follower=alice, followee=bob, state=FollowState.ACCEPTED)
    assert {answer.refusal for answer in tries(person, post)} == {REFUSED}
    Follow.objects.create(follower=bob, followee=alice, state=FollowState.ACCEPTED)
    assert {answer.status for answer in tries(person, post)} == {201}


def test_a_limit_that_comes_with_an_edit_holds_and_one_that_goes_does_not(
    person: Person, bob: RemoteActor
) -> None:
    post = comes(bob, interactionPolicy=None)
    assert does(bob, "Update", object=limited(bob)) == "done"
    assert {answer.refusal for answer in tries(person, post)} == {REFUSED}
    post.refresh_from_db()
    assert post.edited_at is None
    assert does(bob, "Update", object=limited(bob, PUBLIC)) == "done"
    assert {answer.status for answer in tries(person, post)} == {201}


# --- Done --------------------------------------------------------------------------------------------


def test_who_is_named_in_the_policy_may(person: Person, bob: RemoteActor) -> None:
    assert {answer.status for answer in tries(person, comes(bob, uri_of(person)))} == {201}
    assert Like.objects.count() == 2
    assert Boost.objects.count() == 1


def test_who_is_spoken_to_may_always_answer(person: Person, bob: RemoteActor) -> None:
    own = made(person, note())["object"]["id"]
    mention = {"type": "Mention", "href": uri_of(person)}
    for number, members in enumerate(({"tag": [mention]}, {"inReplyTo": own}), 2):
        post = comes(bob, id=f"{bob.uri}/objects/{number}", **members)
        made(person, {**note(), "inReplyTo": post.uri})
        assert submit(person, {"type": "Like", "object": post.uri}).refusal == REFUSED
    assert Mention.objects.filter(actor=actor_of(person)).exists()


def test_what_was_done_before_can_be_taken_back(person: Person, bob: RemoteActor) -> None:
    post = comes(bob, interactionPolicy=None)
    like, boost = (made(person, {"type": kind, "object": post.uri}) for kind in ("Like", "Announce"))
    assert does(bob, "Update", object=limited(bob)) == "done"
    sent = Sent.objects.count()
    for done in (like, boost):
        made(person, {"type": "Undo", "object": done["id"]})
    assert (Like.objects.count(), Boost.objects.count()) == (0, 0)
    assert Sent.objects.count() > sent
