"""Boosts, replies and votes as they come; and an actor that is gone, with all of them."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from activitypub.models import Boost, LocalActor, Post, Received, RemoteActor
from activitypub.services import leaving
from hvx.inboxes import Inboxes
from tests.activitypub.inbox.arriving import at_its_address, post, worked
from tests.activitypub.senders import Sender
from tests.people import Person

# ---- boosts ----------------------------------------------------------------------------------------------


async def test_a_boost_brings_the_post_from_its_own_server(
    inboxes: Inboxes, bob: Sender, mallory: Sender
) -> None:
    note = at_its_address(bob, bob.activity()["object"])
    await post(inboxes, mallory, mallory.activity("Announce", object=note["id"]))
    assert await worked() == ["done"]
    boost = await Boost.objects.select_related("actor", "post").aget()
    assert (boost.actor.uri, boost.post.uri, boost.post.boosts_count) == (mallory.uri, note["id"], 1)


async def test_a_boost_of_what_is_not_for_all_shows_nothing(
    inboxes: Inboxes, bob: Sender, mallory: Sender
) -> None:
    note = at_its_address(bob, bob.activity()["object"] | {"to": [mallory.uri]})
    await post(inboxes, mallory, mallory.activity("Announce", object=note["id"]))
    assert await worked() == ["object_not_public"]
    assert not await Post.objects.aexists()


async def test_what_a_document_says_of_a_foreign_author_is_not_believed(
    inboxes: Inboxes, bob: Sender, mallory: Sender
) -> None:
    forged = at_its_address(mallory, mallory.activity()["object"] | {"attributedTo": bob.uri})
    await post(inboxes, mallory, mallory.activity("Announce", object=forged["id"]))
    assert await worked() == ["object_attributed_to_another_origin"]
    assert not await Post.objects.aexists()


# ---- replies, polls and whole actors ---------------------------------------------------------------------


@pytest.mark.parametrize("late", [False, True])
async def test_a_reply_is_joined_to_its_post_whichever_comes_first(
    inboxes: Inboxes, bob: Sender, late: bool
) -> None:
    create = bob.activity()
    reply = bob.activity(object=bob.activity()["object"] | {"inReplyTo": create["object"]["id"]})
    for activity in (reply, create) if late else (create, reply):
        await post(inboxes, bob, activity)
    assert await worked() == ["done", "done"]
    row = await Post.objects.select_related("in_reply_to").aget(uri=reply["object"]["id"])
    assert row.in_reply_to is not None
    assert (row.in_reply_to.uri, row.in_reply_to.replies_count) == (create["object"]["id"], 1)


def question(of: LocalActor, **poll: Any) -> Post:
    options = [{"name": "tea", "votes": 0}, {"name": "coffee", "votes": 0}]
    whole = {"options": options, "multiple": False, "end_time": None, "closed": None, "voters_count": 0}
    return Post.objects.create(
        uri=f"{of.uri}/objects/1",
        author=of,
        type="Question",
        visibility="public",
        published=timezone.now(),
        poll=whole | poll,
    )


async def test_a_vote_counts_once(inboxes: Inboxes, alice: Person, bob: Sender) -> None:
    actor = await LocalActor.objects.aget(username=alice.username)
    asked = await sync_to_async(question)(actor)
    for number, name in enumerate(["coffee", "tea", "coffee", "water"]):
        vote = {
            "id": f"{bob.uri}/votes/{number}",
            "type": "Note",
            "name": name,
            "attributedTo": bob.uri,
            "to": [actor.uri],
            "inReplyTo": asked.uri,
        }
        await post(inboxes, bob, bob.activity(object=vote))
    assert await worked() == ["done", "voted_before", "voted_before", "unknown_option"]
    await asked.arefresh_from_db()
    assert asked.poll is not None
    assert [option["votes"] for option in asked.poll["options"]] == [0, 1]
    assert asked.poll["voters_count"] == 1
    assert await Post.objects.acount() == 1


async def test_an_option_is_named_as_its_server_names_it(inboxes: Inboxes, bob: Sender) -> None:
    names = ["<none> of it", "I &lt;3 you", "<b>bold</b>"]
    options = [{"type": "Note", "name": name} for name in names]
    asked = bob.activity()["object"] | {"type": "Question", "anyOf": options}
    await post(inboxes, bob, bob.activity(object=asked))
    assert await worked() == ["done"]
    poll = (await Post.objects.aget()).poll
    assert poll is not None
    assert [option["name"] for option in poll["options"]] == names


async def test_a_poll_that_is_over_takes_no_vote(inboxes: Inboxes, alice: Person, bob: Sender) -> None:
    actor = await LocalActor.objects.aget(username=alice.username)
    asked = await sync_to_async(question)(actor, end_time="2020-01-01T00:00:00+00:00")
    vote = {"id": f"{bob.uri}/votes/1", "type": "Note", "name": "tea", "inReplyTo": asked.uri}
    await post(inboxes, bob, bob.activity(object=vote))
    assert await worked() == ["poll_closed"]


async def test_an_actor_that_is_gone_is_gone_with_everything_part_by_part(
    inboxes: Inboxes, bob: Sender, mallory: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "AT_ONCE", 2)
    kept = mallory.activity()
    await post(inboxes, mallory, kept)
    at_its_address(mallory, kept["object"])
    for _ in range(5):
        await post(inboxes, bob, bob.activity())
    await post(inboxes, bob, bob.activity("Announce", object=kept["object"]["id"]))
    await post(inboxes, bob, bob.activity("Delete", object=bob.uri))
    assert await worked() == ["done"] * 8
    assert not await RemoteActor.objects.filter(uri=bob.uri).aexists()
    row = await Post.objects.aget()
    assert (row.uri, row.boosts_count) == (kept["object"]["id"], 0)


async def test_what_an_actor_said_last_comes_after_its_end_and_is_no_fault(
    inboxes: Inboxes, bob: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    await post(inboxes, bob, bob.activity("Delete", object=bob.uri))
    await post(inboxes, bob, bob.activity("Delete", object=f"{bob.uri}/notes/1"))
    assert await worked() == ["done", "done"]
    assert "an activity failed" not in {record.getMessage() for record in caplog.records}
    assert await Received.objects.filter(attempts=0).acount() == 2


async def test_a_profile_says_what_its_owner_says_now(inboxes: Inboxes, bob: Sender) -> None:
    await post(inboxes, bob, bob.activity("Update", object=bob.document(name="Bob the Second")))
    assert await worked() == ["done"]
    assert (await RemoteActor.objects.aget(uri=bob.uri)).display_name == "Bob the Second"
