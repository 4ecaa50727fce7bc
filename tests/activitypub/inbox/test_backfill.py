"""What a conversation lacks is fetched, and no more of it than a bit."""

import threading
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from activitypub.inbox import backfill
from activitypub.inbox.backfill import Backfill
from activitypub.models import Post
from activitypub.remote import session
from tests.activitypub.fetching.peer import document
from tests.activitypub.senders import STREAMS, Sender

pytestmark = pytest.mark.usefixtures("loopback_peers", "transactional_db")


def stands(sender: Sender, name: str, **members: Any) -> str:
    """A note at its address."""
    uri = f"{sender.uri}/{name}"
    note = {
        "@context": STREAMS,
        "id": uri,
        "type": "Note",
        "attributedTo": sender.uri,
        "to": [f"{STREAMS}#Public"],
        "content": name,
        **members,
    }
    sender.peer.answers[uri.removeprefix(sender.peer.url(""))] = document(note)
    return uri


@sync_to_async
def climb(uri: str) -> list[str]:
    try:
        backfill.climb(uri)
        return sorted(Post.objects.values_list("content", flat=True))
    finally:
        session.close_thread()
        connection.close()


def test_more_than_is_fetched_in_time_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "MOST_WANTED", 3)
    # Nothing is fetched: it only counts what waits.
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)
    work = Backfill()
    for number in range(10):
        work.want(f"https://peer.example/{number}")
    assert work.waiting == 3
    work.close()
    work.want("https://peer.example/late")
    assert work.waiting == 4, "the end itself waits, and nothing after it"


async def test_what_a_post_answers_is_fetched_up_to_the_first_and_joined(bob: Sender) -> None:
    first = stands(bob, "first")
    second = stands(bob, "second", inReplyTo=first)
    assert await climb(stands(bob, "third", inReplyTo=second)) == ["first", "second", "third"]
    assert await Post.objects.filter(in_reply_to__uri=first, uri=second).aexists()
    assert (await Post.objects.aget(uri=second)).replies_count == 1


async def test_a_conversation_without_end_is_fetched_to_a_depth(
    bob: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "DEPTH", 3)
    uri = stands(bob, "0")
    for number in range(1, 8):
        uri = stands(bob, str(number), inReplyTo=uri)
    assert await climb(uri) == ["5", "6", "7"]


async def test_some_replies_are_fetched_and_not_all(bob: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "REPLIES", 2)
    replies = [stands(bob, f"reply {number}".replace(" ", "-")) for number in range(4)]
    page = {"type": "CollectionPage", "items": replies}
    uri = stands(bob, "asked", replies={"type": "Collection", "first": page})
    assert await climb(uri) == ["asked", "reply-0", "reply-1"]


async def test_replies_that_another_server_lists_are_not_fetched(bob: Sender, mallory: Sender) -> None:
    stands(mallory, "bait")
    listed = stands(mallory, "list", type="Collection", items=[f"{mallory.uri}/bait"])
    assert await climb(stands(bob, "asked", replies=listed)) == ["asked"]


async def test_what_is_not_there_or_not_its_authors_ends_it(bob: Sender, mallory: Sender) -> None:
    forged = stands(mallory, "forged", attributedTo=bob.uri)
    assert await climb(stands(bob, "asked", inReplyTo=forged)) == ["asked"]
    assert await climb(f"{bob.uri}/nowhere") == ["asked"]
