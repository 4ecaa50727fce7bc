"""Posts that people of this server write."""

from typing import Any

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.serializers import ValidationError

from activitypub.errors import UnknownActor
from activitypub.models import (
    Actor,
    Block,
    Delivery,
    Follow,
    FollowState,
    LocalActor,
    Notification,
    Post,
    PostType,
    Sent,
    Visibility,
)
from activitypub.protocol.composing import PLAIN
from activitypub.rendering import PUBLIC
from activitypub.services.publishing import HTML, MAX_TEXT, Draft, Published, create_post
from tests.activitypub.test_actors import actor_of, remote
from tests.people import Person


@pytest.fixture
def carol(person: Person) -> LocalActor:
    other = Person(person.wire)
    other.register().expect(201)
    return actor_of(other)


def follows(follower: Actor, followee: Actor, state: FollowState = FollowState.ACCEPTED) -> None:
    Follow.objects.create(follower=follower, followee=followee, state=state)


def inboxes() -> list[str]:
    return sorted(Delivery.objects.values_list("inbox", flat=True))


def sent(published: Published) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(bytes(Sent.objects.get(uri=published.activity["id"]).body))
    return body


# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (Draft("x" * (MAX_TEXT + 1)), "content"),
        (Draft(""), "content"),
        (Draft(" \n\t"), "content"),
        (Draft("a\0b"), "content"),
        (Draft("a", summary="\0"), "summary"),
        (Draft("a", summary="x" * 501), "summary"),
        (Draft("a", name="x" * 301), "name"),
        (Draft("a", media_type="text/x-python"), "mediaType"),
        (Draft("a", type=PostType.EVENT), "type"),
        (Draft("a", attachments=[{}] * 17), "attachment"),
        (Draft(" ".join(f"@someone{number}" for number in range(51))), "content"),
    ],
)
def test_a_draft_that_is_too_much_or_nothing_is_refused_and_leaves_nothing(
    alice: LocalActor, draft: Draft, field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        create_post(alice, draft)
    assert list(refused.value.detail) == [field]
    assert not Post.objects.exists()
    assert not Sent.objects.exists()


def test_who_was_erased_publishes_nothing(alice: LocalActor) -> None:
    gone = LocalActor.objects.get(pk=alice.pk)
    gone.account_id = None
    with pytest.raises(UnknownActor):
        create_post(gone, Draft("late"))
    assert not Post.objects.exists()


def test_a_post_that_cannot_be_sent_is_not_kept(alice: LocalActor, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("activitypub.services.sending.send", fail)
    with pytest.raises(RuntimeError):
        create_post(alice, Draft("hello"))
    assert not Post.objects.exists()


def test_html_that_would_run_does_not(alice: LocalActor) -> None:
    text = '<p onclick="x()">a<script>x()</script><a href="javascript:x()">b</a><img src="https://a.example"></p>'
    post = create_post(alice, Draft(text, media_type=HTML)).post
    assert "script" not in post.content
    assert "onclick" not in post.content
    assert "img" not in post.content


def test_a_warning_and_a_title_are_text_and_no_html(alice: LocalActor) -> None:
    title = "<script>x</script> & co"
    done = create_post(alice, Draft("text", type=PostType.ARTICLE, name=title, summary="<b>R&B</b> <3"))
    assert done.post.summary == "&lt;b&gt;R&amp;B&lt;/b&gt; &lt;3"
    assert done.activity["object"]["summary"] == "<b>R&B</b> <3"
    assert done.activity["object"]["name"] == done.post.name == title
    assert done.post.sensitive


# --- Told to whom it is for ---------------------------------------------------------------------------


def test_a_public_post_goes_to_followers_once_a_server_and_stands_in_the_outbox(alice: LocalActor) -> None:
    for name in ("bob", "eve"):
        follows(remote(name, shared_inbox="https://remote.example/inbox"), alice)
    follows(remote("dan", "other.example"), alice)
    follows(remote("asked", "asking.example"), alice, FollowState.REQUESTED)
    done = create_post(alice, Draft("Hello *world*"))
    assert inboxes() == ["https://other.example/users/dan/inbox", "https://remote.example/inbox"]
    assert Sent.objects.get().public
    note = done.activity["object"]
    assert sent(done) == orjson.loads(orjson.dumps(done.activity))
    assert done.activity["type"] == "Create"
    assert done.activity["actor"] == note["attributedTo"] == alice.uri
    assert note["to"] == done.activity["to"] == (PUBLIC,)
    assert note["cc"] == done.activity["cc"] == (alice.followers,)
    assert note["content"] == "<p>Hello <em>world</em></p>"
    assert note["source"] == {"content": "Hello *world*", "mediaType": "text/markdown"}
    assert note["id"].startswith(f"{alice.uri}/objects/")
    assert note["id"] != done.activity["id"]


@pytest.mark.parametrize(
    ("visibility", "to", "cc", "reached", "public"),
    [
        (Visibility.PUBLIC, [PUBLIC], ["F", "bob"], ["bob", "fan"], True),
        (Visibility.UNLISTED, ["F"], [PUBLIC, "bob"], ["bob", "fan"], True),
        (Visibility.PRIVATE, ["F"], ["bob"], ["bob", "fan"], False),
        (Visibility.DIRECT, ["bob"], [], ["bob"], False),
    ],
)
def test_each_visibility_is_addressed_so_that_every_server_reads_it(
    alice: LocalActor, visibility: Visibility, to: list[str], cc: list[str], reached: list[str], public: bool
) -> None:
    bob, fan = remote("bob"), remote("fan", "fans.example")
    follows(fan, alice)
    done = create_post(alice, Draft("hi @bob@remote.example", visibility=visibility))
    names = {"F": alice.followers, "bob": bob.uri}
    assert list(done.activity["to"]) == [names.get(one, one) for one in to]
    assert list(done.activity["cc"]) == [names.get(one, one) for one in cc]
    assert inboxes() == sorted({"bob": bob.inbox, "fan": fan.inbox}[name] for name in reached)
    assert Sent.objects.get().public is public
    # Of what followers alone may read two servers agree who they are (FEP-8fcf), and of nothing else.
    told = Delivery.objects.filter(synchronise=True).exists()
    assert told is (visibility is Visibility.PRIVATE)


def test_who_is_named_stands_in_the_tags_and_is_linked(alice: LocalActor, carol: LocalActor) -> None:
    bob = remote("bob", url="https://remote.example/@bob")
    done = create_post(alice, Draft(f"@bob@remote.example and @{carol.username} and @Bob@REMOTE.example"))
    tags = done.activity["object"]["tag"]
    assert {tag["href"] for tag in tags} == {bob.uri, carol.uri}
    assert {tag["name"] for tag in tags} == {
        "@bob@remote.example",
        f"@{carol.username}@{alice.uri.split('/')[2]}",
    }
    assert done.post.content.count('href="https://remote.example/@bob"') == 2
    assert f'href="{carol.uri}"' in done.post.content
    note = Notification.objects.get()
    assert (note.recipient_id, note.actor_id, note.type, note.post_id) == (
        carol.pk, alice.pk, "mention", done.post.pk,
    )  # fmt: skip


def test_who_has_blocked_the_author_hears_nothing(alice: LocalActor, carol: LocalActor) -> None:
    Block.objects.create(actor=carol, target=alice)
    create_post(alice, Draft(f"@{carol.username} hello"))
    assert not Notification.objects.exists()


def test_to_name_oneself_tells_nobody(alice: LocalActor) -> None:
    done = create_post(alice, Draft(f"it is I, @{alice.username}"))
    assert done.activity["object"]["tag"] == []
    assert f'href="{alice.uri}"' in done.post.content
    assert not Notification.objects.exists()


def test_an_answer_goes_to_whom_it_answers_and_is_counted(alice: LocalActor) -> None:
    bob = remote("bob")
    parent = Post.objects.create(
        uri=f"{bob.uri}/1",
        author=bob,
        visibility=Visibility.PUBLIC,
        published="2026-01-01T00:00:00Z",
        conversation=f"{bob.uri}/1",
    )
    done = create_post(alice, Draft("indeed", parent=parent))
    assert done.activity["object"]["inReplyTo"] == parent.uri
    assert done.activity["object"]["context"] == parent.conversation
    assert inboxes() == [bob.inbox]
    parent.refresh_from_db()
    assert parent.replies_count == 1


def test_hashtags_stand_in_the_tags(alice: LocalActor) -> None:
    done = create_post(alice, Draft("#Cats #cats and #dogs", media_type=PLAIN))
    origin = alice.uri.partition("/users/")[0]
    assert done.activity["object"]["tag"] == [
        {"type": "Hashtag", "href": f"{origin}/tags/{name}", "name": f"#{name}"} for name in ("cats", "dogs")
    ]


def test_pictures_go_by_reference(alice: LocalActor) -> None:
    picture = {
        "type": "Document",
        "url": "https://media.example/1.png",
        "mediaType": "image/png",
        "name": "a cat",
        "width": 100,
        "height": 80,
        "focalPoint": [0.0, 0.5],
    }
    done = create_post(alice, Draft("", attachments=[picture]))
    assert done.activity["object"]["attachment"] == [picture]


def test_the_language_is_told(alice: LocalActor) -> None:
    done = create_post(alice, Draft("Grüß Gott", language="de"))
    assert done.activity["object"]["contentMap"] == {"de": "<p>Grüß Gott</p>"}
    assert done.post.language == "de"


def test_what_is_for_nobody_elsewhere_is_kept_and_not_sent(alice: LocalActor, carol: LocalActor) -> None:
    done = create_post(alice, Draft(f"@{carol.username} psst", visibility=Visibility.DIRECT))
    assert not Sent.objects.exists()
    assert done.post.mentions.get().actor_id == carol.pk


def test_the_work_does_not_grow_with_what_is_there(alice: LocalActor) -> None:
    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            create_post(alice, Draft("hi @bob@remote.example #cats"))
        return len(queries)

    remote("bob")
    create_post(alice, Draft("first"))
    few = cost()
    for _ in range(20):
        create_post(alice, Draft("more #cats"))
    assert cost() == few
