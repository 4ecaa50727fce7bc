"""Followers, following, outbox and featured, in pages."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from activitypub.models import Follow, FollowState, Pin, Post, Visibility
from activitypub.queries.collections import PAGE_SIZE
from tests.activitypub.living import post
from tests.activitypub.reading import document, get
from tests.activitypub.test_actors import actor_of, remote, uri_of
from tests.people import Person

COLLECTIONS = ("followers", "following", "outbox", "featured")


@pytest.mark.parametrize(
    "place",
    [
        "",
        "0x1",
        "-1",
        "+1",
        "1e3",
        "1_000",
        " 1",
        "٣",
        "9" * 19,
        "9" * 5000,
        "first%00",
        "%FF",
        "FIRST",
        "true",
    ],
)
@pytest.mark.parametrize("name", ["followers", "outbox"])
def test_a_place_that_is_no_page_is_refused(person: Person, name: str, place: str) -> None:
    assert get(person.wire, f"{uri_of(person)}/{name}?page={place}").refusal == (400, "cursor_invalid")


@pytest.mark.parametrize("name", COLLECTIONS)
def test_a_collection_without_items_says_so(person: Person, name: str) -> None:
    address = f"{uri_of(person)}/{name}"
    assert document(person.wire, address) == {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": address,
        "type": "OrderedCollection",
        "totalItems": 0,
        "orderedItems": [],
    }
    page = document(person.wire, f"{address}?page=first")
    assert (page["type"], page["partOf"], page["orderedItems"]) == ("OrderedCollectionPage", address, [])
    assert "next" not in page


def test_a_follow_that_was_only_asked_for_is_in_no_collection(person: Person) -> None:
    bob = remote()
    Follow.objects.create(follower=bob, followee=actor_of(person))
    Follow.objects.create(follower=actor_of(person), followee=bob)
    for name in ("followers", "following"):
        assert document(person.wire, f"{uri_of(person)}/{name}")["totalItems"] == 0


def test_following_is_not_being_followed(person: Person) -> None:
    bob, carol = remote(), remote("carol")
    Follow.objects.create(follower=bob, followee=actor_of(person), state=FollowState.ACCEPTED)
    Follow.objects.create(follower=actor_of(person), followee=carol, state=FollowState.ACCEPTED)
    Follow.objects.create(follower=bob, followee=carol, state=FollowState.ACCEPTED)
    uri = uri_of(person)
    assert document(person.wire, f"{uri}/followers?page=first")["orderedItems"] == [bob.uri]
    assert document(person.wire, f"{uri}/following?page=first")["orderedItems"] == [carol.uri]


def test_what_is_pinned_stands_in_the_collection_and_on_its_pages(person: Person) -> None:
    actor = actor_of(person)
    notes = [post(actor, number, f"pinned {number}") for number in range(PAGE_SIZE + 1)]
    for note in notes:
        Pin.objects.create(actor=actor, post=note)
    hidden = post(actor, 99, "not for all")
    Post.objects.filter(pk=hidden.pk).update(visibility=Visibility.PRIVATE)
    Pin.objects.create(actor=actor, post=hidden)
    found = document(person.wire, f"{uri_of(person)}/featured")
    newest = [note.uri for note in reversed(notes)]
    assert (found["totalItems"], found["orderedItems"]) == (PAGE_SIZE + 1, newest[:PAGE_SIZE])
    assert [uri for page in walk(person, "featured") for uri in page["orderedItems"]] == newest


def test_who_follows_stands_on_pages_alone(person: Person) -> None:
    Follow.objects.create(follower=remote(), followee=actor_of(person), state=FollowState.ACCEPTED)
    assert "orderedItems" not in document(person.wire, f"{uri_of(person)}/followers")


def walk(person: Person, name: str) -> list[Any]:
    pages = []
    address = document(person.wire, f"{uri_of(person)}/{name}")["first"]
    while address:
        assert urlsplit(address)[:3] == urlsplit(f"{uri_of(person)}/{name}")[:3]
        pages.append(document(person.wire, address))
        address = pages[-1].get("next")
    return pages


@pytest.mark.parametrize("count", [1, PAGE_SIZE, PAGE_SIZE + 1, 2 * PAGE_SIZE + 3])
def test_pages_hold_everybody_once_and_the_newest_first(person: Person, count: int) -> None:
    actor = actor_of(person)
    fans = [remote(f"fan{number}") for number in range(count)]
    for fan in fans:
        Follow.objects.create(follower=fan, followee=actor, state=FollowState.ACCEPTED)
    assert document(person.wire, f"{uri_of(person)}/followers")["totalItems"] == count
    pages = walk(person, "followers")
    assert [len(page["orderedItems"]) for page in pages[:-1]] == [PAGE_SIZE] * (len(pages) - 1)
    assert [uri for page in pages for uri in page["orderedItems"]] == [fan.uri for fan in reversed(fans)]


def test_who_joins_or_leaves_meanwhile_shifts_no_page(person: Person) -> None:
    actor = actor_of(person)
    fans = [remote(f"fan{number}") for number in range(PAGE_SIZE + 2)]
    for fan in fans:
        Follow.objects.create(follower=fan, followee=actor, state=FollowState.ACCEPTED)
    first = document(person.wire, f"{uri_of(person)}/followers?page=first")
    Follow.objects.create(follower=remote("late"), followee=actor, state=FollowState.ACCEPTED)
    Follow.objects.filter(follower=fans[-1]).delete()
    second = document(person.wire, first["next"])
    assert second["orderedItems"] == [fans[1].uri, fans[0].uri]
