"""Posts and activities at their addresses, and in the outbox."""

import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from activitypub.models import (
    Actor,
    ActorKey,
    Block,
    Follow,
    FollowState,
    KeyKind,
    LocalActor,
    Pin,
    Post,
    RemoteActor,
    Visibility,
)
from activitypub.protocol.signatures.messages import SignedRequest
from activitypub.protocol.signatures.signing import cavage_headers
from activitypub.remote.actors import known_key
from activitypub.services import posts
from activitypub.services.publishing import Draft, Published, create_post
from tests.activitypub.reading import ACTIVITY, document, get
from tests.activitypub.senders import rsa_key
from tests.activitypub.test_actors import BROWSER, actor_of, remote, uri_of
from tests.people import Answer, Person

LIMITED = (Visibility.PRIVATE, Visibility.DIRECT)


def published(person: Person, text: str = "Hello *you*", **what: Any) -> Published:
    return create_post(actor_of(person), Draft(text, **what))


def knows_key(actor: RemoteActor) -> RemoteActor:
    """The actor with a key that this server has seen before."""
    known = known_key(f"{actor.uri}#main-key", rsa_key(actor.username).public_key())
    assert known is not None
    ActorKey.objects.create(actor=actor, kind=KeyKind.RSA, key_id=known.key_id, public=known.public)
    return actor


def get_as(person: Person, actor: Actor, address: str, key: str = "") -> Answer:
    """A GET that is signed by the actor's key, or by another one in its name."""
    path = urlsplit(address).path
    request = SignedRequest("GET", path, settings.HVX_HOST, (), scheme=settings.HVX_ORIGIN.split(":")[0])
    signed = cavage_headers(request, rsa_key(key or actor.username), f"{actor.uri}#main-key", time.time())
    headers = {**dict(signed), "Accept": ACTIVITY}
    return person.wire.request("GET", path, headers=headers, body=None)


# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["1", "0", "-1", "x", "%00", "9" * 19, "9" * 400, "٣", "1e3"])
def test_there_is_nothing_where_nothing_was_published(person: Person, number: str) -> None:
    assert get(person.wire, f"{uri_of(person)}/objects/{number}").refusal == (404, "unknown_post")


def test_a_post_stands_below_its_own_author_alone(person: Person) -> None:
    other = Person(person.wire)
    other.register().expect(201)
    number = published(person).post.uri.rpartition("/")[2]
    assert get(person.wire, f"{uri_of(other)}/objects/{number}").refusal == (404, "unknown_post")


@pytest.mark.parametrize("visibility", LIMITED)
@pytest.mark.parametrize("accept", [ACTIVITY, BROWSER])
def test_what_is_not_for_everybody_is_shown_to_nobody_who_does_not_say_who(
    person: Person, visibility: Visibility, accept: str
) -> None:
    done = published(person, visibility=visibility)
    Follow.objects.create(follower=remote(), followee=actor_of(person), state=FollowState.ACCEPTED)
    for uri in (done.post.uri, done.activity["id"]):
        assert get(person.wire, uri, accept).refusal == (404, "unknown_post")


@pytest.mark.parametrize("visibility", LIMITED)
def test_what_is_not_for_everybody_is_in_no_outbox(person: Person, visibility: Visibility) -> None:
    Follow.objects.create(follower=remote(), followee=actor_of(person), state=FollowState.ACCEPTED)
    published(person, "@bob@remote.example", visibility=visibility)
    assert document(person.wire, f"{uri_of(person)}/outbox")["totalItems"] == 0
    assert document(person.wire, f"{uri_of(person)}/outbox?page=first")["orderedItems"] == []


def test_a_stranger_who_signs_sees_no_more_than_all(person: Person) -> None:
    done = published(person, visibility=Visibility.PRIVATE)
    assert get_as(person, knows_key(remote("eve")), done.post.uri).refusal == (404, "unknown_post")


def test_a_signature_by_another_key_opens_nothing(person: Person) -> None:
    bob = knows_key(remote())
    Follow.objects.create(follower=bob, followee=actor_of(person), state=FollowState.ACCEPTED)
    done = published(person, visibility=Visibility.PRIVATE)
    assert get_as(person, bob, done.post.uri, "mallory").refusal == (404, "unknown_post")


def test_whom_the_author_blocks_sees_nothing_by_signing(person: Person) -> None:
    bob = knows_key(remote())
    done = published(person, "@bob@remote.example", visibility=Visibility.DIRECT)
    Block.objects.create(actor=actor_of(person), target=bob)
    assert get_as(person, bob, done.post.uri).refusal == (404, "unknown_post")


def test_another_account_does_not_see_it_by_its_token(person: Person) -> None:
    other = Person(person.wire)
    other.register().expect(201)
    done = published(person, visibility=Visibility.DIRECT)
    path = urlsplit(done.post.uri).path
    answer = other.handset.call("GET", path, headers={"Accept": ACTIVITY})
    assert answer.refusal == (404, "unknown_post")


def test_a_suspended_author_shows_nothing(person: Person) -> None:
    done = published(person)
    LocalActor.objects.update(suspended_at=timezone.now())
    assert get(person.wire, done.post.uri).refusal == (403, "actor_suspended")
    assert get(person.wire, f"{uri_of(person)}/outbox").refusal == (403, "actor_suspended")


def test_what_was_deleted_leaves_a_tombstone_and_no_activity(person: Person) -> None:
    done = published(person)
    posts.delete(done.post, now=timezone.now())
    answer = get(person.wire, done.post.uri).expect(410)
    assert answer.json == {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": done.post.uri,
        "type": "Tombstone",
        "formerType": "Note",
    }
    assert get(person.wire, done.post.uri, BROWSER).refusal == (410, "post_deleted")
    assert get(person.wire, done.activity["id"]).refusal == (404, "unknown_post")


# --- Shown -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("visibility", [Visibility.PUBLIC, Visibility.UNLISTED])
def test_a_post_is_served_as_it_was_sent(person: Person, visibility: Visibility) -> None:
    done = published(person, "Hello *you* #cats @bob@remote.example", visibility=visibility)
    served = document(person.wire, done.post.uri)
    assert served.pop("@context")[0] == "https://www.w3.org/ns/activitystreams"
    assert served == {**done.activity["object"], "to": list(served["to"]), "cc": list(served["cc"])}
    create = document(person.wire, done.activity["id"])
    assert (create["type"], create["object"]["id"]) == ("Create", done.post.uri)


def test_a_browser_gets_a_page_that_nothing_in_a_post_can_change(person: Person) -> None:
    done = published(person, "Hello *you* <script>alert(1)</script>", summary="<b>careful</b>")
    answer = get(person.wire, done.post.uri, BROWSER).expect(200)
    assert answer.headers["content-type"].startswith("text/html")
    page = answer.body.decode()
    assert "Hello <em>you</em>" in page
    assert "<script>alert" not in page
    assert "&lt;b&gt;careful&lt;/b&gt;" in page
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "noindex" in page


def test_a_page_says_what_is_attached_and_what_one_may_choose(person: Person) -> None:
    post = published(person, "which?", summary="tea").post
    picture = {"type": "Image", "url": "https://media.example/1.png", "media_type": "image/png"}
    Post.objects.filter(pk=post.pk).update(
        attachments=[{**picture, "description": '"><script>'}, {**picture, "description": None}],
        poll={"options": [{"name": "<b>green", "votes": 1}, {"name": "black", "votes": 2}]},
    )
    page = get(person.wire, post.uri, BROWSER).expect(200).body.decode()
    assert "<script>" not in page
    assert (
        '<a href="https://media.example/1.png" rel="nofollow noopener noreferrer">&quot;&gt;&lt;script'
        in page
    )
    assert ">https://media.example/1.png</a>" in page
    assert "<li>&lt;b&gt;green " in page
    assert ("1 vote<" in page, "2 votes<" in page) == (True, True)
    # Behind the warning, as the text.
    assert page.index("<details>") < page.index("black") < page.index("/1.png</a>") < page.index("</details>")


def test_the_page_of_an_actor_shows_what_is_for_everybody_alone(person: Person) -> None:
    for visibility in Visibility:
        published(person, f"this is {visibility}", visibility=visibility)
    published(person, "an answer", parent=published(person, "a question").post)
    page = get(person.wire, uri_of(person), BROWSER).expect(200).body.decode()
    assert "this is public" in page
    for other in ("unlisted", "private", "direct"):
        assert f"this is {other}" not in page
    assert ("a question" in page, "an answer" in page) == (True, False)
    assert page.index("a question") < page.index("this is public")


def test_who_may_see_it_gets_it_by_signing_and_no_cache_keeps_it(person: Person) -> None:
    fan, bob = knows_key(remote("fan", "fans.example")), knows_key(remote())
    Follow.objects.create(follower=fan, followee=actor_of(person), state=FollowState.ACCEPTED)
    private = published(person, visibility=Visibility.PRIVATE).post
    direct = published(person, "@bob@remote.example", visibility=Visibility.DIRECT).post
    for reader, post, seen in (
        (fan, private, 200),
        (fan, direct, 404),
        (bob, private, 404),
        (bob, direct, 200),
    ):
        answer = get_as(person, reader, post.uri).expect(seen)
        if seen == 200:
            assert answer.json["id"] == post.uri
            assert answer.headers["cache-control"] == "private, no-store"


def test_the_author_sees_everything_of_their_own_by_their_token(person: Person) -> None:
    remote()
    done = published(person, "@bob@remote.example", visibility=Visibility.DIRECT)
    for uri in (done.post.uri, done.activity["id"]):
        answer = person.handset.call("GET", urlsplit(uri).path, headers={"Accept": ACTIVITY}).expect(200)
        assert answer.json["id"] == uri
        assert answer.headers["cache-control"] == "private, no-store"


def test_the_outbox_has_the_activities_the_newest_first_and_each_as_its_post_is_now(person: Person) -> None:
    done = [published(person, f"number {number} @bob@remote.example") for number in range(3)]
    posts.delete(done[1].post, now=timezone.now())
    page = document(person.wire, f"{uri_of(person)}/outbox?page=first")
    assert [item["id"] for item in page["orderedItems"]] == [done[n].activity["id"] for n in (2, 0)]
    assert page["orderedItems"][0]["object"]["content"] == "<p>number 2 @bob@remote.example</p>"


def test_a_page_of_the_outbox_costs_as_many_queries_as_one_item(person: Person) -> None:
    remote()

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            document(person.wire, f"{uri_of(person)}/outbox?page=first")
        return len(queries)

    published(person, "one @bob@remote.example #cats")
    one = cost()
    for _ in range(10):
        published(person, "more @bob@remote.example #cats")
    assert cost() == one


def test_pins_are_featured_as_far_as_all_may_see_them(person: Person) -> None:
    shown, hidden = published(person).post, published(person, visibility=Visibility.PRIVATE).post
    for post in (shown, hidden):
        Pin.objects.create(actor=actor_of(person), post=post)
    page = document(person.wire, f"{uri_of(person)}/featured?page=first")
    assert page["orderedItems"] == [shown.uri]
