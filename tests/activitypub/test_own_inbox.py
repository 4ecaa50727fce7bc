"""What a person reads of what came to them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activitypub.models import (
    Actor,
    Block,
    Follow,
    FollowState,
    HostBlock,
    LocalActor,
    Mention,
    Mute,
    NotificationType,
    Post,
    RemoteActor,
    Visibility,
)
from activitypub.queries import inbox
from activitypub.rendering import PUBLIC
from activitypub.services import following, likes
from activitypub.services.notifications import notify
from tests.activitypub.queries.test_timelines import boost, post
from tests.activitypub.reading import get
from tests.activitypub.test_actors import remote, uri_of
from tests.activitypub.test_outbox import made, note
from tests.api.apps import app_token
from tests.api.operations import document as described
from tests.people import Person

DIRECT, PRIVATE = Visibility.DIRECT, Visibility.PRIVATE


@pytest.fixture
def bob(alice: LocalActor) -> RemoteActor:
    """Somebody elsewhere whom Alice follows."""
    bob = remote()
    bob.followers = f"{bob.uri}/followers"
    bob.save()
    Follow.objects.create(follower=alice, followee=bob, state=FollowState.ACCEPTED)
    return bob


def read(person: Person, query: str = "?page=first") -> Any:
    answer = person.handset.call("GET", f"/users/{person.username}/inbox{query}").expect(200)
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-type"] == "application/activity+json"
    return answer.json


def arrived(person: Person) -> list[tuple[str, str]]:
    """Types, and what they are about."""
    items = read(person)["orderedItems"]
    return [
        (item["type"], item["object"] if isinstance(item["object"], str) else item["object"]["id"])
        for item in items
    ]


# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?page=first"])
def test_nobody_else_reads_an_inbox(person: Person, other: Person, query: str) -> None:
    path = f"/users/{person.username}/inbox{query}"
    assert get(person.wire, path).refusal == (401, "not_authenticated")
    assert other.handset.call("GET", path).refusal == (403, "not_yours")
    assert other.handset.call("GET", f"/users/nobody/inbox{query}").refusal == (403, "not_yours")
    phone = person.new_handset("phone")
    phone.log_in().expect(200)
    assert phone.call("GET", path).refusal == (403, "device_pending")


@pytest.mark.parametrize("name", ["inbox", "bookmarks"])
def test_an_app_has_another_way(person: Person, name: str) -> None:
    path = f"/users/{person.username}/{name}"
    answer = person.handset.call("GET", path, authorization=f"Bearer {app_token(person)}", proof=False)
    assert answer.refusal == (403, "app_token")


def test_what_ones_own_client_uses_is_in_the_openapi_document() -> None:
    paths = described()["paths"]
    found = {
        path: set(paths.get(f"/users/{{username}}/{path}", {})) for path in ("inbox", "outbox", "bookmarks")
    }
    assert found == {"inbox": {"get"}, "outbox": {"post"}, "bookmarks": {"get"}}


@pytest.mark.parametrize("place", ["x", "-1", "0x1", "٣", "99999999999999999999", ""])
def test_a_place_that_is_none_is_refused(person: Person, place: str) -> None:
    answer = person.handset.call("GET", f"/users/{person.username}/inbox?page={place}")
    assert answer.refusal == (400, "cursor_invalid")


def test_who_is_suspended_reads_nothing(person: Person, alice: LocalActor) -> None:
    LocalActor.objects.filter(pk=alice.pk).update(suspended_at="2026-01-01T00:00:00Z")
    answer = person.handset.call("GET", f"/users/{person.username}/inbox?page=first")
    assert answer.refusal == (403, "actor_suspended")


def test_what_is_for_others_is_not_in_it(person: Person, bob: RemoteActor) -> None:
    stranger = remote("eve", "other.example")
    carol = remote("carol", "other.example")
    post(stranger)
    post(stranger, PRIVATE)
    for author in (stranger, bob):
        Mention.objects.create(post=post(author, DIRECT), actor=carol)
    answer = post(carol, PRIVATE)
    likes.store(answer, bob, uri=f"{bob.uri}/likes/1")
    assert arrived(person) == []


def test_what_one_did_oneself_is_not_in_it(person: Person, alice: LocalActor, bob: RemoteActor) -> None:
    mine = Post.objects.get(uri=made(person, note(to=[PUBLIC, bob.uri]))["object"]["id"])
    boost(alice, post(remote("eve", "other.example")))
    likes.store(mine, alice, uri=f"{alice.uri}/likes/1")
    assert arrived(person) == []


@pytest.mark.parametrize(
    "unwanted",
    [
        lambda alice, bob: Block.objects.create(actor=alice, target=bob),
        lambda alice, bob: Block.objects.create(actor=bob, target=alice),
        lambda alice, bob: Mute.objects.create(actor=alice, target=bob),
        lambda alice, bob: HostBlock.objects.create(actor=alice, host=bob.host),
        lambda alice, bob: Actor.objects.filter(pk=bob.pk).update(suspended_at="2026-01-01T00:00:00Z"),
    ],
)
def test_of_whom_one_wants_nothing_there_is_nothing_in_it(
    person: Person, alice: LocalActor, bob: RemoteActor, unwanted: Callable[..., object]
) -> None:
    own = post(alice)
    post(bob)
    Mention.objects.create(post=post(bob, DIRECT), actor=alice)
    boost(bob, post(remote("eve", "other.example")))
    likes.store(own, bob, uri=f"{bob.uri}/likes/1")
    following.request(bob, alice, f"{bob.uri}/follows/1")
    assert len(arrived(person)) == 5
    unwanted(alice, bob)
    assert arrived(person) == []


# --- Read --------------------------------------------------------------------------------------------


def test_an_inbox_has_pages_and_is_not_counted(person: Person) -> None:
    uri = f"{uri_of(person)}/inbox"
    assert read(person, "") == {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": uri,
        "type": "OrderedCollection",
        "first": f"{uri}?page=first",
    }
    page = read(person)
    assert (page["id"], page["partOf"], page["orderedItems"]) == (f"{uri}?page=first", uri, [])
    assert "next" not in page


def test_what_came_is_in_it_by_the_order_of_its_coming(
    person: Person, alice: LocalActor, bob: RemoteActor
) -> None:
    eve = remote("eve", "other.example")
    own = post(alice)
    theirs, naming = post(bob), post(eve, DIRECT)
    Mention.objects.create(post=naming, actor=alice)
    boosted = post(eve)
    boost(bob, boosted)
    following.request(eve, alice, f"{eve.uri}/follows/1")
    likes.store(own, eve, uri=f"{eve.uri}/likes/1")
    likes.store(own, bob, uri=f"{bob.uri}/likes/1", emoji="🎉")
    assert arrived(person) == [
        ("EmojiReact", own.uri),
        ("Like", own.uri),
        ("Follow", alice.uri),
        ("Announce", boosted.uri),
        ("Create", naming.uri),
        ("Create", theirs.uri),
    ]


def test_a_post_of_elsewhere_comes_in_a_create_whose_id_is_not_made_up(
    person: Person, bob: RemoteActor
) -> None:
    theirs = post(bob, PRIVATE, content="<p>hi</p>", conversation="https://remote.example/c/1")
    [create] = read(person)["orderedItems"]
    assert (create["type"], create["actor"], create["to"]) == ("Create", bob.uri, [bob.followers])
    assert "id" not in create
    assert (create["object"]["id"], create["object"]["content"]) == (theirs.uri, "<p>hi</p>")
    assert "interactionPolicy" not in create["object"]


def test_a_post_of_here_comes_in_its_own_create(person: Person, other: Person) -> None:
    bob = remote()
    created = made(other, note(to=[PUBLIC, bob.uri, uri_of(person)], tag=[]))
    [create] = read(person)["orderedItems"]
    assert create == created


def test_a_post_comes_once_and_as_it_is_now(person: Person, alice: LocalActor, bob: RemoteActor) -> None:
    theirs = post(bob, content="<p>one</p>")
    Mention.objects.create(post=theirs, actor=alice)
    notify(alice, bob, NotificationType.MENTION, theirs)
    Post.objects.filter(pk=theirs.pk).update(content="<p>two</p>")
    [create] = read(person)["orderedItems"]
    assert create["object"]["content"] == "<p>two</p>"


def test_what_was_undone_has_not_come(person: Person, alice: LocalActor, bob: RemoteActor) -> None:
    own = post(alice)
    likes.store(own, bob, uri=f"{bob.uri}/likes/1")
    following.request(bob, alice, f"{bob.uri}/follows/1")
    likes.undo(own.likes.get())
    following.end(Follow.objects.get(follower=bob))
    assert arrived(person) == []


def test_a_boost_of_ones_own_post_comes_once(person: Person, alice: LocalActor, bob: RemoteActor) -> None:
    own = post(alice)
    shared = boost(bob, own)
    notify(alice, bob, NotificationType.REBLOG, own)
    [announce] = read(person)["orderedItems"]
    assert (announce["id"], announce["actor"], announce["object"]) == (shared.uri, bob.uri, own.uri)
    stranger = remote("eve", "other.example")
    boost(stranger, own)
    notify(alice, stranger, NotificationType.REBLOG, own)
    assert len(read(person)["orderedItems"]) == 2


def test_nothing_is_missing_and_nothing_twice_over_all_pages(
    person: Person, alice: LocalActor, bob: RemoteActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "PAGE_SIZE", 4)
    eve = remote("eve", "other.example")
    own = post(alice)
    expected = []
    for number in range(6):
        theirs = post(bob)
        naming = post(eve, DIRECT)
        Mention.objects.create(post=naming, actor=alice)
        post(alice)
        boosted = boost(bob, own) if number == 3 else None
        fan = remote(f"fan{number}", "fans.example")
        likes.store(own, fan, uri=f"{fan.uri}/likes/1")
        expected += [theirs.uri, naming.uri, f"{fan.uri}/likes/1"]
        expected += [boosted.uri] if boosted else []
    found, query = [], "?page=first"
    for _ in range(40):
        page = read(person, query)
        found += [
            item["id"] if item["type"] != "Create" else item["object"]["id"] for item in page["orderedItems"]
        ]
        if "next" not in page:
            break
        query = page["next"].partition("/inbox")[2]
    assert found == expected[::-1] or sorted(found) == sorted(expected)
    assert len(found) == len(set(found)) == len(expected)


def test_a_page_costs_as_many_queries_for_many_as_for_one(
    person: Person, alice: LocalActor, bob: RemoteActor
) -> None:
    def more(number: int) -> None:
        eve = remote(f"eve{number}", "other.example")
        naming = post(eve, DIRECT)
        Mention.objects.create(post=naming, actor=alice)
        Mention.objects.create(post=post(bob), actor=eve)
        boost(bob, post(eve))
        likes.store(post(alice), eve, uri=f"{eve.uri}/likes/1")
        following.request(eve, alice, f"{eve.uri}/follows/1")

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            read(person)
        # Who asks is known for less than a second, and then asked for anew.
        return sum("devices_device" not in query["sql"] for query in queries.captured_queries)

    more(0)
    cost()
    one = cost()
    for number in range(1, 6):
        more(number)
    assert cost() == one
    assert one <= 20
