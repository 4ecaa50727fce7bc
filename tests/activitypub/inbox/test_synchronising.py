"""Two servers agree who follows whom (FEP-8fcf): asked, told, and not led astray."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as read_settings
from django.utils import timezone

from activitypub.inbox.authentication import authenticate, claim_of
from activitypub.inbox.synchronising import Synchronizer
from activitypub.models import Follow, FollowState, LocalActor, RemoteActor, Sent
from activitypub.protocol.synchronization import HEADER, digest
from activitypub.remote import actors
from activitypub.services.actors import make_missing
from activitypub.services.synchronising import SETTLES_IN
from hvx.inboxes import Inboxes
from tests.activitypub.fetching.peer import Peer, document
from tests.activitypub.senders import Sender, ask, unsigned_post
from tests.activitypub.test_actors import actor_of
from tests.people import DjangoWire, Person

PART = "/users/bob/followers_synchronization"


@sync_to_async
def alice() -> LocalActor:
    make_missing()
    person = Person(DjangoWire())
    person.register().expect(201)
    return actor_of(person)


async def bob_with_followers(bob: Sender) -> RemoteActor:
    bob.publish(followers=f"{bob.uri}/followers")
    return await actors.aresolve(bob.uri)


@sync_to_async
def follow(follower: LocalActor, followed: RemoteActor, state: FollowState = FollowState.ACCEPTED) -> None:
    row = Follow.objects.create(follower=follower, followee=followed, state=state)
    Follow.objects.filter(pk=row.pk).update(created_at=timezone.now() - 2 * SETTLES_IN)


@sync_to_async
def followers_of(followed: RemoteActor) -> list[tuple[str, str]]:
    return sorted(Follow.objects.filter(followee=followed).values_list("follower__uri", "state"))


def header(bob: Sender, followers: Iterable[str], **changed: str) -> str:
    told = {
        "collectionId": f"{bob.uri}/followers",
        "url": bob.peer.url(PART),
        "digest": digest(followers),
        **changed,
    }
    return ", ".join(f'{name}="{value}"' for name, value in told.items())


def serve(bob: Sender, followers: Iterable[str]) -> None:
    items = list(followers)
    bob.peer.answers[PART] = document(
        {"id": bob.peer.url(PART), "type": "OrderedCollection", "orderedItems": items}
    )


async def hear(bob: Sender, value: str, *, signed: bool = True, scheme: str = "cavage") -> None:
    """As an inbox does it, up to the end of what that begins."""
    bare = unsigned_post(bob.activity())
    line = ((HEADER, value),)
    if signed and scheme == "cavage":
        request = bob.signed(replace(bare, headers=(*bare.headers, *line)))
    else:
        request = bob.signed(bare, scheme=scheme)
        request = replace(request, headers=(*request.headers, *line))
    sender = await authenticate(claim_of(request))
    synchronizer = Synchronizer()
    synchronizer.hear(sender)
    await synchronizer._tasks.all(20)


def asked(peer: Peer) -> int:
    return sum(request.target == PART for request in peer.requests)


# --- Refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])
async def test_a_header_that_is_not_signed_says_nothing(inboxes: Inboxes, bob: Sender, scheme: str) -> None:
    somebody, followed = await alice(), await bob_with_followers(bob)
    await follow(somebody, followed)
    serve(bob, [])
    await hear(bob, header(bob, []), signed=False, scheme=scheme)
    assert asked(bob.peer) == 0
    assert await followers_of(followed) == [(somebody.uri, "accepted")]


async def test_a_header_for_another_collection_or_that_leads_elsewhere_says_nothing(
    inboxes: Inboxes, bob: Sender, mallory: Sender
) -> None:
    somebody, followed = await alice(), await bob_with_followers(bob)
    await follow(somebody, followed)
    serve(bob, [])
    serve(mallory, [])
    for changed in ({"collectionId": f"{mallory.uri}/followers"}, {"url": mallory.peer.url(PART)}):
        await hear(bob, header(bob, [], **changed))
    assert asked(bob.peer) == asked(mallory.peer) == 0
    assert await followers_of(followed) == [(somebody.uri, "accepted")]


async def test_a_list_that_does_not_come_to_what_was_said_takes_nobody_away(
    inboxes: Inboxes, bob: Sender
) -> None:
    somebody, followed = await alice(), await bob_with_followers(bob)
    await follow(somebody, followed)
    # A page of it, say, or what it was a moment later.
    serve(bob, [])
    await hear(bob, header(bob, ["http://localhost:8000/users/nobody"]))
    assert asked(bob.peer) == 1
    assert await followers_of(followed) == [(somebody.uri, "accepted")]


async def test_a_follow_of_a_moment_ago_is_not_taken_back(inboxes: Inboxes, bob: Sender) -> None:
    somebody, followed = await alice(), await bob_with_followers(bob)
    await follow(somebody, followed)
    await sync_to_async(Follow.objects.update)(created_at=timezone.now() - SETTLES_IN + timedelta(minutes=1))
    serve(bob, [])
    await hear(bob, header(bob, []))
    assert await followers_of(followed) == [(somebody.uri, "accepted")]


# --- Agreed ----------------------------------------------------------------------------------------


async def test_where_both_say_the_same_nothing_is_asked(inboxes: Inboxes, bob: Sender) -> None:
    somebody, followed = await alice(), await bob_with_followers(bob)
    await follow(somebody, followed)
    await hear(bob, header(bob, [somebody.uri]))
    assert asked(bob.peer) == 0


async def test_whom_the_other_server_does_not_name_follows_no_more(inboxes: Inboxes, bob: Sender) -> None:
    somebody, followed = await alice(), await bob_with_followers(bob)
    await follow(somebody, followed)
    serve(bob, [])
    await hear(bob, header(bob, []))
    assert await followers_of(followed) == []


async def test_a_request_that_it_took_without_our_hearing_of_it_is_taken(
    inboxes: Inboxes, bob: Sender
) -> None:
    somebody, followed = await alice(), await bob_with_followers(bob)
    await follow(somebody, followed, FollowState.REQUESTED)
    serve(bob, [somebody.uri])
    await hear(bob, header(bob, [somebody.uri]))
    assert await followers_of(followed) == [(somebody.uri, "accepted")]


async def test_whom_it_names_and_who_never_asked_takes_it_back(inboxes: Inboxes, bob: Sender) -> None:
    somebody, followed = await alice(), await bob_with_followers(bob)
    serve(bob, [somebody.uri, "https://third.example/users/x"])
    await hear(bob, header(bob, [somebody.uri, "https://third.example/users/x"]))
    assert await followers_of(followed) == []
    undo = json.loads(bytes((await sync_to_async(Sent.objects.get)()).body))
    assert (undo["type"], undo["actor"], undo["object"]["object"]) == ("Undo", somebody.uri, bob.uri)


async def test_each_host_is_shown_its_own_followers_and_nobody_others(
    inboxes: Inboxes, bob: Sender, mallory: Sender
) -> None:
    from hvx.asgi import http

    somebody, follower = await alice(), await bob_with_followers(bob)
    await sync_to_async(Follow.objects.create)(
        follower=follower, followee=somebody, state=FollowState.ACCEPTED
    )
    host = read_settings.HVX_HOST
    bare = replace(
        unsigned_post(b""),
        method="GET",
        target=f"/users/{somebody.username}/followers_synchronization",
        headers=(("Host", host),),
        body=b"",
    )
    refused = await ask(http, bare)
    assert refused.status == 401
    shown = json.loads((await ask(http, bob.signed(bare))).body)
    assert (shown["type"], shown["orderedItems"]) == ("OrderedCollection", [bob.uri])
    shown = await ask(http, mallory.signed(bare))
    assert json.loads(shown.body)["orderedItems"] == []
    assert shown.headers["cache-control"] == "private, no-store"
