"""What people do with people and posts of other servers that are not known here yet."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from activitypub.models import Delivery, Follow, HostPolicy, Post, RemoteActor, Severity
from activitypub.protocol.webfinger import Handle, filled
from activitypub.rendering import PUBLIC
from activitypub.services import posts as posts_service
from tests.activitypub.fetching.peer import Peer, document, status
from tests.activitypub.senders import Sender
from tests.activitypub.test_outbox import made, note, submit
from tests.people import Person


def found_by_webfinger(bob: Sender, subject: str = "") -> Handle:
    """The handle under which the peer names its actor."""
    handle = Handle(bob.name, f"{bob.peer.address}:{bob.peer.port}")
    address = filled("/.well-known/webfinger?resource={uri}", handle)
    bob.peer.answers[address] = document(
        {
            "subject": subject or handle.acct,
            "links": [{"rel": "self", "type": "application/activity+json", "href": bob.uri}],
        },
        Content_Type="application/jrd+json",
    )
    return handle


def remote_note(bob: Sender, **members: Any) -> str:
    uri = f"{bob.uri}/notes/first"
    bob.peer.answers[f"/users/{bob.name}/notes/first"] = document(
        {"id": uri, "type": "Note", "attributedTo": bob.uri, "to": [PUBLIC], "content": "<p>x</p>"} | members
    )
    return uri


# --- Refused -----------------------------------------------------------------------------------------


async def test_who_cannot_be_found_stays_text_and_the_post_is_published(author: Person, bob: Sender) -> None:
    typed = f"@nobody@{bob.peer.address}:{bob.peer.port} hello"
    activity = await sync_to_async(made)(author, note(typed, mediaType="text/plain"))
    assert activity["object"]["tag"] == []
    assert activity["object"]["content"] == f"<p>{typed}</p>"


async def test_a_handle_that_names_another_host_is_not_taken_for_anybody(author: Person, bob: Sender) -> None:
    handle = found_by_webfinger(bob, "acct:bob@127.0.0.1:9")
    activity = await sync_to_async(made)(author, note(f"@{handle}", mediaType="text/plain"))
    assert activity["object"]["tag"] == []


async def test_nobody_of_a_suspended_host_is_looked_for(author: Person, bob: Sender) -> None:
    handle = found_by_webfinger(bob)
    await HostPolicy.objects.acreate(host=bob.peer.address, severity=Severity.SUSPEND)
    activity = await sync_to_async(made)(author, note(f"@{handle}", mediaType="text/plain"))
    assert activity["object"]["tag"] == []
    answer = await sync_to_async(submit)(author, {"type": "Follow", "object": bob.uri})
    assert answer.refusal == (404, "unknown_actor")
    assert bob.peer.requests == []
    assert not await RemoteActor.objects.aexists()


@pytest.mark.parametrize("line", ["404 Not Found", "410 Gone", "500 Oops", "403 Forbidden"])
async def test_who_does_not_answer_is_not_followed(author: Person, bob: Sender, line: str) -> None:
    bob.peer.answers["/users/bob"] = status(line)
    answer = await sync_to_async(submit)(author, {"type": "Follow", "object": bob.uri})
    assert answer.refusal == (404, "unknown_actor")
    answer = await sync_to_async(submit)(author, note(to=[bob.uri]))
    assert answer.refusal == (422, "unknown_recipient")
    assert not await Follow.objects.aexists()


async def test_a_document_that_is_anothers_is_nobody(author: Person, bob: Sender) -> None:
    bob.publish(id=bob.peer.url("/users/eve"))
    answer = await sync_to_async(submit)(author, {"type": "Follow", "object": bob.uri})
    assert answer.refusal == (404, "unknown_actor")


@pytest.mark.parametrize(
    "members",
    [
        {"id": "http://127.0.0.1:9/notes/1"},
        {"attributedTo": "http://127.0.0.1:9/users/eve"},
        {"attributedTo": None},
        {"type": "Person"},
        {"to": []},
    ],
)
async def test_a_post_that_is_not_what_stands_there_or_not_for_all_is_none(
    author: Person, bob: Sender, members: dict[str, Any]
) -> None:
    uri = remote_note(bob, **members)
    for body in ({"type": "Like", "object": uri}, note(inReplyTo=uri)):
        answer = await sync_to_async(submit)(author, body)
        assert answer.refusal == (404, "unknown_post")


# --- Reached -----------------------------------------------------------------------------------------


async def test_who_is_named_is_found_kept_and_sent_the_post(author: Person, bob: Sender) -> None:
    handle = found_by_webfinger(bob)
    body = note(f"hi @{handle}", mediaType="text/markdown")
    activity = await sync_to_async(made)(author, body)
    assert activity["object"]["tag"] == [{"type": "Mention", "href": bob.uri, "name": f"@{handle}"}]
    assert f'href="{bob.uri}"' in activity["object"]["content"]
    delivery = await Delivery.objects.aget()
    assert delivery.inbox == bob.peer.url("/inbox")
    asked = len(bob.peer.requests)
    await sync_to_async(made)(author, body)
    assert len(bob.peer.requests) == asked


async def test_a_stranger_is_followed_by_address(author: Person, bob: Sender) -> None:
    await sync_to_async(made)(author, {"type": "Follow", "object": bob.uri})
    follow = await Follow.objects.select_related("followee").aget()
    assert follow.followee.uri == bob.uri
    assert (await RemoteActor.objects.aget()).username == "bob"


async def test_what_is_not_known_yet_is_fetched_and_answered(author: Person, bob: Sender) -> None:
    uri = remote_note(bob)
    activity = await sync_to_async(made)(author, note(inReplyTo=uri))
    assert activity["object"]["inReplyTo"] == uri
    parent = await Post.objects.aget(uri=uri)
    assert parent.replies_count == 1
    await sync_to_async(made)(author, {"type": "Like", "object": uri})
    await sync_to_async(made)(author, {"type": "Announce", "object": uri})
    await parent.arefresh_from_db()
    assert (parent.likes_count, parent.boosts_count) == (1, 1)


async def test_what_was_brought_meanwhile_is_kept_once(
    author: Person, bob: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = remote_note(bob)
    real = posts_service.store

    def store_twice(*args: Any, **how: Any) -> Post:
        real(*args, **how)
        return real(*args, **how)

    monkeypatch.setattr(posts_service, "store", store_twice)
    await sync_to_async(made)(author, {"type": "Like", "object": uri})
    assert await Post.objects.filter(uri=uri).acount() == 1


async def test_this_server_asks_itself_nothing(author: Person, peer: Peer) -> None:
    answer = await sync_to_async(submit)(
        author, {"type": "Like", "object": f"{author.wire.origin}/users/{author.username}/objects/1"}
    )
    assert answer.refusal == (404, "unknown_post")
    assert peer.requests == []
