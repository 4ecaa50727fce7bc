"""What comes of an activity that was kept: its effect, once, in its place."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from activitypub.inbox.working import Worker
from activitypub.models import LocalActor, Mention, Notification, Post, Received
from hvx.inboxes import Inboxes
from tests.activitypub.fetching.peer import document
from tests.activitypub.senders import STREAMS, Sender, ask
from tests.people import DjangoWire, Person


@sync_to_async
def outcomes() -> list[str]:
    return list(Received.objects.order_by("pk").values_list("outcome", flat=True))


async def worked() -> list[str]:
    """Let a worker work until nothing is left that it can do now; the outcomes in the order of arrival."""
    async with asyncio.timeout(20):
        await Worker().drain()
    return await outcomes()


async def post(inboxes: Inboxes, sender: Sender, activity: dict[str, Any], path: str = "/inbox") -> None:
    assert (await ask(inboxes, sender.post(activity, path))).status == 202


@pytest.fixture
def alice(transactional_db: None) -> Person:
    person = Person(DjangoWire())
    person.register().expect(201)
    return person


async def test_a_create_becomes_a_post_of_its_author(inboxes: Inboxes, bob: Sender) -> None:
    activity = bob.activity()
    await post(inboxes, bob, activity)
    assert await worked() == ["done"]
    row = await Post.objects.select_related("author").aget()
    assert (row.uri, row.author.uri) == (activity["object"]["id"], bob.uri)
    assert (row.visibility, row.content) == ("public", activity["object"]["content"])


async def test_whom_a_post_names_is_told(inboxes: Inboxes, alice: Person, bob: Sender) -> None:
    actor = await LocalActor.objects.aget(username=alice.username)
    note = bob.activity()["object"] | {"tag": [{"type": "Mention", "href": actor.uri}], "cc": [actor.uri]}
    await post(inboxes, bob, bob.activity(object=note), f"/users/{alice.username}/inbox")
    assert await worked() == ["done"]
    assert await Mention.objects.filter(actor=actor, post__uri=note["id"]).aexists()
    told = await Notification.objects.select_related("actor").aget()
    assert (told.recipient_id, told.type, told.actor.uri) == (actor.pk, "mention", bob.uri)


async def test_a_foreign_object_is_what_its_own_server_says(
    inboxes: Inboxes, bob: Sender, mallory: Sender
) -> None:
    real = bob.activity()["object"]
    path = real["id"].removeprefix(bob.peer.url(""))
    bob.peer.answers[path] = document({"@context": STREAMS, **real})
    forged = real | {"content": "<p>forged</p>", "attributedTo": mallory.uri}
    await post(inboxes, mallory, mallory.activity(object=forged))
    assert await worked() == ["done"]
    row = await Post.objects.select_related("author").aget()
    assert (row.content, row.author.uri) == (real["content"], bob.uri)
