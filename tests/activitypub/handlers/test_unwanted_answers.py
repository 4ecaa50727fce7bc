"""Answers to somebody here, and boosts, by whom that one wants nothing of: they are there for others, and
count."""

from typing import Any

import pytest

from activitypub.models import Block, Boost, HostBlock, LocalActor, Mute, Notification, Post, RemoteActor
from activitypub.queries import inbox, timelines
from tests.activitypub.inbox.effects import does, neighbour
from tests.activitypub.senders import STREAMS

PUBLIC = f"{STREAMS}#Public"


@pytest.fixture(params=["block", "mute", "host"])
def unwanted(request: pytest.FixtureRequest, alice: LocalActor) -> RemoteActor:
    """Somebody of another server of whom Alice wants nothing."""
    bob = neighbour("bob")
    match request.param:
        case "block":
            Block.objects.create(actor=alice, target=bob)
        case "mute":
            Mute.objects.create(actor=alice, target=bob)
        case _:
            HostBlock.objects.create(actor=alice, host=bob.host)
    return bob


def answer(author: RemoteActor, own: Post, number: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "id": f"{author.uri}/objects/{number}",
        "type": "Note",
        "attributedTo": author.uri,
        "to": [PUBLIC],
        "content": "<p>good morning</p>",
        "inReplyTo": own.uri,
        "tag": [{"type": "Mention", "href": own.author.uri}],
        **members,
    }


def test_of_neither_its_author_is_told(unwanted: RemoteActor, own: Post, alice: LocalActor) -> None:
    assert does(unwanted, "Create", object=answer(unwanted, own)) == "done"
    assert does(unwanted, "Announce", object=own.uri, to=[PUBLIC]) == "done"
    again = answer(unwanted, own, tag=[], content="<p>hello?</p>")
    assert does(unwanted, "Update", object=again) == "done"
    assert not Notification.objects.exists()
    assert timelines.notifications(alice) == []
    assert inbox.page(alice).items == []
    assert [entry.post.pk for entry in timelines.home(alice)] == [own.pk]


def test_both_count_once_for_they_are_there_for_others(unwanted: RemoteActor, own: Post) -> None:
    for _ in range(2):
        does(unwanted, "Create", object=answer(unwanted, own))
        does(unwanted, "Announce", object=own.uri, to=[PUBLIC])
    own.refresh_from_db()
    assert (own.replies_count, own.boosts_count) == (1, 1)
    assert Boost.objects.filter(post=own).count() == 1
    does(unwanted, "Delete", object=answer(unwanted, own)["id"])
    does(unwanted, "Undo", object={"type": "Announce", "actor": unwanted.uri, "object": own.uri})
    own.refresh_from_db()
    assert (own.replies_count, own.boosts_count) == (0, 0)


def test_an_answer_that_others_may_not_see_does_not_count(own: Post) -> None:
    eve = neighbour("eve")
    for number, to in enumerate(([own.author.uri], [f"{eve.uri}/followers"], [PUBLIC]), 1):
        does(eve, "Create", object=answer(eve, own, number, to=to))
    own.refresh_from_db()
    assert (Post.objects.filter(in_reply_to=own).count(), own.replies_count) == (3, 1)
    for number in (1, 2, 3):
        does(eve, "Delete", object=answer(eve, own, number)["id"])
    own.refresh_from_db()
    assert own.replies_count == 0


def test_of_answers_that_came_first_those_count_that_others_may_see(own: Post) -> None:
    eve, fay = neighbour("eve"), neighbour("fay")
    late = answer(fay, own, inReplyTo=None, tag=[])
    parent = Post(uri=late["id"], author=fay)
    for number, to in enumerate(([own.author.uri], [PUBLIC], [PUBLIC]), 1):
        does(eve, "Create", object=answer(eve, parent, number, to=to))
    assert does(fay, "Create", object=late) == "done"
    assert Post.objects.get(uri=late["id"]).replies_count == 2
