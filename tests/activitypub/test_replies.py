"""What answers a post, as other servers find it."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from activitypub.models import Block, LocalActor, Mute, Post, RemoteActor, Visibility
from activitypub.protocol.documents.collections import collection
from activitypub.queries import replies
from activitypub.services import moderation
from tests.activitypub.queries.test_timelines import post
from tests.activitypub.reading import document, get
from tests.activitypub.test_actors import actor_of, remote, uri_of
from tests.activitypub.test_outbox import made, note
from tests.people import Person

PUBLIC, UNLISTED, PRIVATE, DIRECT = Visibility


@pytest.fixture
def alice(person: Person) -> LocalActor:
    return actor_of(person)


@pytest.fixture
def bob(db: None) -> RemoteActor:
    return remote()


@pytest.fixture
def root(person: Person) -> Post:
    """A post of Alice's."""
    return Post.objects.get(uri=made(person, note())["object"]["id"])


def answers(person: Person, root: Post, visibility: Visibility = PUBLIC) -> str:
    """The address of an answer of the author's own."""
    to = {PUBLIC: ["as:Public"], DIRECT: [], PRIVATE: [f"{uri_of(person)}/followers"]}[visibility]
    uri: str = made(person, {**note(), "to": to, "inReplyTo": root.uri})["object"]["id"]
    return uri


def pages(person: Person, root: Post) -> list[list[str]]:
    """Each page, from the post's own document on, as another server walks."""
    listed = document(person.wire, root.uri)["replies"]
    assert document(person.wire, listed["id"])["type"] == "Collection"
    found, page = [], collection(listed["first"])
    while True:
        found.append([item.id or "" for item in page.items])
        if page.next is None:
            return found
        assert page.next.startswith(f"{root.uri}/replies?page=")
        page = collection(document(person.wire, page.next))
        assert page.is_page
        assert page.part_of == f"{root.uri}/replies"


# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("visibility", [PRIVATE, DIRECT])
def test_what_is_not_for_everybody_leads_to_no_answers(
    person: Person, alice: LocalActor, visibility: Visibility
) -> None:
    own = post(alice, visibility)
    own.uri = f"{alice.uri}/objects/{own.pk}"
    own.save()
    post(alice, in_reply_to=own)
    assert get(person.wire, f"{own.uri}/replies").refusal == (404, "unknown_post")
    path = f"/users/{person.username}/objects/{own.pk}"
    read = person.handset.call("GET", path, headers={"Accept": "application/activity+json"}).expect(200)
    assert "replies" not in read.json


@pytest.mark.parametrize("query", ["x", "-1", "1e3", "٣", "9" * 20, "first-1"])
def test_a_page_that_nobody_was_led_to_is_refused(person: Person, root: Post, query: str) -> None:
    assert get(person.wire, f"{root.uri}/replies?page={query}").refusal == (400, "cursor_invalid")


def test_there_are_no_answers_where_there_is_no_post(person: Person, root: Post) -> None:
    other = Person(person.wire)
    other.register().expect(201)
    number = root.uri.rpartition("/")[2]
    for uri in (
        f"{uri_of(other)}/objects/{number}",
        f"{uri_of(person)}/objects/1",
        f"{uri_of(person)}/objects/x",
    ):
        assert get(person.wire, f"{uri}/replies").refusal == (404, "unknown_post")
    made(person, {"type": "Delete", "object": root.uri})
    assert get(person.wire, f"{root.uri}/replies").refusal == (410, "post_deleted")
    assert get(person.wire, f"{root.uri}/replies", method="POST").status == 405


def test_of_who_is_suspended_there_are_none(person: Person, root: Post) -> None:
    moderation.suspend(actor_of(person))
    assert get(person.wire, f"{root.uri}/replies").refusal == (403, "actor_suspended")


def test_secure_mode_shows_them_to_none_but_signers(person: Person, root: Post, settings: Settings) -> None:
    settings.HVX_FEDERATION_SECURE_MODE = True
    assert get(person.wire, f"{root.uri}/replies").status == 401


def test_what_few_may_see_is_not_listed_nor_what_is_hidden(
    person: Person, root: Post, bob: RemoteActor
) -> None:
    answers(person, root, DIRECT)
    answers(person, root, PRIVATE)
    post(bob, PRIVATE, in_reply_to=root)
    post(bob, DIRECT, in_reply_to=root)
    eve, mallory = remote("eve"), remote("mallory")
    post(eve, in_reply_to=root)
    moderation.suspend(eve)
    Block.objects.create(actor=root.author, target=mallory)
    post(mallory, in_reply_to=root)
    ended = answers(person, root)
    made(person, {"type": "Delete", "object": ended})
    assert pages(person, root) == [[], []]


# --- Listed ------------------------------------------------------------------------------------------


def test_a_post_without_answers_leads_to_an_empty_page(person: Person, root: Post) -> None:
    assert pages(person, root) == [[], []]
    listed = document(person.wire, f"{root.uri}/replies")
    assert listed["first"]["items"] == []
    assert "next" not in listed["first"]


def test_the_authors_own_come_first_and_stand_in_the_document(
    person: Person, root: Post, bob: RemoteActor
) -> None:
    theirs = [post(bob, in_reply_to=root).uri, post(bob, UNLISTED, in_reply_to=root).uri]
    own = [answers(person, root) for _ in range(replies.MOST_OF_OWN + 1)]
    answer_to_an_answer = post(bob, in_reply_to=Post.objects.get(uri=own[0])).uri
    assert pages(person, root) == [own[: replies.MOST_OF_OWN], [*own, *theirs]]
    assert answer_to_an_answer not in str(pages(person, root))


def test_a_mute_is_nobody_elses_business(person: Person, root: Post, bob: RemoteActor) -> None:
    Mute.objects.create(actor=root.author, target=bob)
    theirs = post(bob, in_reply_to=root).uri
    assert pages(person, root)[1] == [theirs]


def test_pages_follow_each_other_and_none_is_longer_than_a_page(
    person: Person, root: Post, bob: RemoteActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "PAGE_SIZE", 3)
    for _ in range(4):
        post(bob, DIRECT, in_reply_to=root)
    theirs = [post(bob, in_reply_to=root).uri for _ in range(5)]
    found = pages(person, root)
    assert [uri for page in found for uri in page] == theirs
    assert [len(page) for page in found] == [0, 0, 2, 3]


def test_what_is_sent_leads_there_and_asks_for_nothing_more(person: Person, alice: LocalActor) -> None:
    sent = made(person, note())["object"]
    first = {"type": "CollectionPage", "partOf": f"{sent['id']}/replies", "items": []}
    first["next"] = f"{sent['id']}/replies?page=first"
    assert sent["replies"] == {"id": f"{sent['id']}/replies", "type": "Collection", "first": first}
    assert document(person.wire, sent["id"])["replies"] == sent["replies"]


def test_it_takes_as_many_look_ups_whatever_there_is(person: Person, root: Post, bob: RemoteActor) -> None:
    def asked(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            get(person.wire, address).expect(200)
        return len(captured)

    answers(person, root)
    before: dict[str, Any] = {address: asked(address) for address in (root.uri, f"{root.uri}/replies")}
    for number in range(20):
        answers(person, root)
        post(remote(f"bob{number}"), in_reply_to=root)
    assert {address: asked(address) for address in before} == before
