"""What clients post to their outbox."""

import json
from typing import Any

import pytest

from activitypub.models import (
    Block,
    Boost,
    Delivery,
    Edition,
    Follow,
    FollowState,
    Like,
    LocalActor,
    Mention,
    Post,
    RemoteActor,
    Sent,
    Visibility,
)
from activitypub.rendering import PUBLIC, STREAMS
from activitypub.services import following, publishing
from tests.accounts.test_access_keys import exchange
from tests.accounts.test_access_keys import made as made_key
from tests.activitypub.reading import ACTIVITY, document, get
from tests.activitypub.test_actors import actor_of, remote, uri_of
from tests.people import Answer, Person


def submit(person: Person, body: Any, *, to: Person | None = None, key: str = "", **how: Any) -> Answer:
    """What the outbox of the person, or of somebody else, answers. `key` is an Idempotency-Key."""
    path = f"/users/{(to or person).username}/outbox"
    headers = {"Content-Type": ACTIVITY} | ({"Idempotency-Key": key} if key else {})
    return person.handset.call("POST", path, body, headers=headers, **how)


def made(person: Person, body: Any) -> dict[str, Any]:
    """The activity that comes of it."""
    answer = submit(person, body).expect(201)
    activity: dict[str, Any] = answer.json
    assert answer.headers["location"] == activity["id"]
    assert activity["id"].startswith(f"{uri_of(person)}/objects/")
    assert activity["actor"] == uri_of(person)
    return activity


def note(content: str = "<p>hello</p>", **members: Any) -> dict[str, Any]:
    return {"@context": STREAMS, "type": "Note", "content": content, "to": [PUBLIC], **members}


def nothing_happened() -> bool:
    return not (Post.objects.exists() or Sent.objects.exists() or Follow.objects.exists())


def post_of(author: RemoteActor, visibility: Visibility = Visibility.PUBLIC) -> Post:
    uri = f"{author.uri}/posts/{Post.objects.count()}"
    return Post.objects.create(
        uri=uri, url=uri, author=author, visibility=visibility, published="2026-01-01T00:00:00Z"
    )


# --- Refused: who --------------------------------------------------------------------------------------


def test_without_a_token_nothing_is_published(person: Person) -> None:
    assert submit(person, note(), authorization=False).refusal == (401, "not_authenticated")
    assert nothing_happened()


def test_nobody_publishes_in_the_outbox_of_another(person: Person, other: Person) -> None:
    assert submit(person, note(), to=other).refusal == (403, "not_yours")
    assert nothing_happened()


def test_a_pending_device_publishes_nothing(person: Person) -> None:
    phone = person.new_handset("phone")
    phone.log_in().expect(200)
    path = f"/users/{person.username}/outbox"
    assert phone.call("POST", path, note()).refusal == (403, "device_pending")
    assert nothing_happened()


def test_the_servers_own_outbox_takes_nothing(person: Person) -> None:
    answer = person.handset.call("POST", "/actor/outbox", note())
    assert answer.refusal == (405, "method_not_allowed")


# --- Refused: what -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"{", (400, "activity_malformed")),
        (b"[]", (400, "activity_malformed")),
        (b'"x"', (400, "activity_malformed")),
        (b'{"type": "Note", "type": "Note"}', (400, "activity_malformed")),
        (b'{"type": "Note", "content": "\\u0000"}', (400, "activity_malformed")),
        (b'{"type": "Note", "content": "\\ud800"}', (400, "activity_malformed")),
        (b'{"a":' * 100 + b"1" + b"}" * 100, (400, "activity_malformed")),
        (b'{"type": "Note", "content": "' + b"x" * 1024 * 1024 + b'"}', (413, "activity_too_large")),
        (b'{"@context": {"actor": "as:object"}, "type": "Note"}', (422, "activity_refused")),
        (b"{}", (422, "activity_refused")),
    ],
)
def test_what_is_no_document_is_refused(person: Person, body: bytes, refusal: tuple[int, str]) -> None:
    assert submit(person, body).refusal == refusal
    assert nothing_happened()


def test_what_is_no_json_is_refused(person: Person) -> None:
    path = f"/users/{person.username}/outbox"
    answer = person.handset.call("POST", path, b"x", headers={"Content-Type": "text/plain"})
    assert answer.status == 415


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"type": "Person"}, "unsupported_type"),
        ({"type": "Travel", "object": "https://remote.example/1"}, "unsupported_type"),
        ({"type": "Arrive", "object": "https://remote.example/1"}, "unsupported_type"),
        ({"type": "Tombstone"}, "unsupported_type"),
        ({"type": "Collection"}, "unsupported_type"),
        ({"type": ["Note", 3], "actor": "https://remote.example/users/bob"}, "actor_is_another"),
        (
            {"type": "Create", "actor": "https://remote.example/users/bob", "object": note()},
            "actor_is_another",
        ),
        ({"type": "Create", "actor": {"id": 3}, "object": note()}, "actor_is_another"),
        (note(attributedTo="https://remote.example/users/bob"), "attributed_to_another"),
        (
            {"type": "Create", "object": note(attributedTo="https://remote.example/u")},
            "attributed_to_another",
        ),
        ({"type": "Create", "object": note(attributedTo=["x"])}, "attributed_to_another"),
        ({"type": "Create"}, "object_missing"),
        ({"type": "Create", "object": "https://remote.example/1"}, "object_missing"),
        ({"type": "Create", "object": []}, "object_missing"),
        ({"type": "Create", "object": {"type": "Video"}}, "unsupported_object"),
        ({"type": "Create", "object": {}}, "type_missing"),
        (note(bto=["https://remote.example/users/bob"]), "blind_recipients"),
        ({"type": "Create", "object": note(), "bcc": "https://remote.example/users/bob"}, "blind_recipients"),
        (note(cc=[f"https://remote.example/users/{n}" for n in range(51)]), "too_many_recipients"),
        (note(attachment=[{"type": "Document", "url": "javascript:x"}]), "attachment_unusable"),
        (note(attachment=["x"]), "attachment_unusable"),
        (
            note(interactionPolicy={"canQuote": {"automaticApproval": ["https://remote.example/users/bob"]}}),
            "unsupported_quote_policy",
        ),
        ({"type": "Follow"}, "object_missing"),
        ({"type": "Like", "object": "no address"}, "object_missing"),
        ({"type": "Flag"}, "object_missing"),
        (
            {"type": "Flag", "object": [f"https://remote.example/{n}" for n in range(52)]},
            "too_many_recipients",
        ),
        ({"type": "Flag", "object": ["https://a.example/", "https://b.example/"]}, "several_are_reported"),
        ({"type": "Undo"}, "object_missing"),
        ({"type": "Undo", "object": "https://remote.example/follows/1"}, "nothing_to_undo"),
        ({"type": "Undo", "object": {"type": "Follow", "object": {"type": "Follow"}}}, "nothing_to_undo"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(person: Person, body: Any, reason: str) -> None:
    answer = submit(person, body)
    assert answer.refusal == (422, "activity_refused")
    assert answer.json["detail"].endswith(f": {reason}")
    assert nothing_happened()


def test_an_address_that_is_nobody_is_refused(person: Person, other: Person) -> None:
    for uri in (f"{uri_of(other)}/followers", f"{uri_of(person)}/following", f"{uri_of(person)}x"):
        assert submit(person, note(cc=[uri])).refusal == (422, "unknown_recipient")
    assert nothing_happened()


def test_a_post_that_one_may_not_see_is_there_for_no_verb(person: Person) -> None:
    hidden = post_of(remote(), Visibility.PRIVATE)
    for body in (
        {"type": "Like", "object": hidden.uri},
        {"type": "Announce", "object": hidden.uri},
        {"type": "Delete", "object": hidden.uri},
        {"type": "Update", "object": note(id=hidden.uri)},
        note(inReplyTo=hidden.uri),
    ):
        assert submit(person, body).refusal == (404, "unknown_post")
    assert not Sent.objects.exists()


def test_nobody_changes_or_deletes_what_is_anothers(person: Person, other: Person) -> None:
    created = made(other, note())
    for theirs in (created["object"]["id"], post_of(remote()).uri):
        for body in (
            {"type": "Delete", "object": theirs},
            {"type": "Update", "object": note("x", id=theirs)},
        ):
            assert submit(person, body).refusal == (403, "not_yours")
    assert Post.objects.filter(content="<p>hello</p>").count() == 1
    assert Sent.objects.count() == 1


def test_what_somebody_else_did_is_not_undone(person: Person, other: Person) -> None:
    bob = remote()
    follow, like = (
        made(other, {"type": "Follow", "object": bob.uri}),
        made(other, {"type": "Like", "object": post_of(bob).uri}),
    )
    for done in (follow, like):
        answer = submit(person, {"type": "Undo", "object": {**done, "actor": uri_of(person)}})
        assert answer.refusal == (422, "activity_refused")
    assert Follow.objects.count() == Like.objects.count() == 1


def test_nobody_answers_a_request_to_another(person: Person, other: Person) -> None:
    bob = remote()
    LocalActor.objects.filter(pk=actor_of(other).pk).update(locked=True)
    following.request(bob, actor_of(other), "https://remote.example/follows/1")
    for kind in ("Accept", "Reject"):
        body = {"type": kind, "object": "https://remote.example/follows/1"}
        assert submit(person, body).refusal == (404, "unknown_follow")
    assert Follow.objects.get().state == FollowState.REQUESTED


def test_what_few_may_see_is_not_boosted(person: Person) -> None:
    bob = remote()
    Follow.objects.create(follower=actor_of(person), followee=bob, state=FollowState.ACCEPTED)
    body = {"type": "Announce", "object": post_of(bob, Visibility.PRIVATE).uri}
    assert submit(person, body).refusal == (403, "not_shared")
    assert not Boost.objects.exists()


def test_a_note_does_not_become_an_article(person: Person) -> None:
    uri = made(person, note())["object"]["id"]
    answer = submit(person, {"type": "Update", "object": {**note("x"), "type": "Article", "id": uri}})
    assert answer.refusal == (422, "activity_refused")


# --- Posts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_note_is_published_bare_or_in_a_create(person: Person, wrapped: bool) -> None:
    body = note("<p>hello <script>x()</script></p>")
    activity = made(person, {"type": "Create", "object": body} if wrapped else body)
    assert activity["type"] == "Create"
    assert activity["object"]["content"] == "<p>hello </p>"
    assert document(person.wire, activity["object"]["id"])["content"] == "<p>hello </p>"
    page = document(person.wire, f"{uri_of(person)}/outbox?page=first")
    assert [item["id"] for item in page["orderedItems"]] == [activity["id"]]


def test_what_the_server_sets_it_sets_whatever_the_client_says(person: Person, other: Person) -> None:
    forged = f"{uri_of(other)}/objects/1"
    told = note(
        id=forged, published="1999-01-01T00:00:00Z", url="https://evil.example", context=forged,
        replies=forged, likes=forged, updated="1999-01-01T00:00:00Z", endTime="x", secret="kept?",
        attributedTo=uri_of(person),
    )  # fmt: skip
    activity = made(person, {"id": forged, "type": "Create", "actor": uri_of(person), "object": told, "x": 1})
    text = json.dumps(activity)
    for given in (forged, "1999", "evil.example", "secret", "kept?"):
        assert given not in text
    assert get(person.wire, forged).refusal == (404, "unknown_post")


def test_markdown_is_taken_as_source_or_content(person: Person) -> None:
    for body in (
        {"type": "Note", "source": {"content": "*hi*", "mediaType": "text/markdown"}, "to": PUBLIC},
        note("*hi*", mediaType="text/markdown"),
    ):
        assert made(person, body)["object"]["content"] == "<p><em>hi</em></p>"
    assert made(person, note("*hi*", mediaType="text/plain"))["object"]["content"] == "<p>*hi*</p>"


@pytest.mark.parametrize(
    ("to", "cc", "visibility"),
    [
        ([PUBLIC], ["F"], "public"),
        (["as:Public"], [], "public"),
        (["F"], ["Public"], "unlisted"),
        (["F"], [], "private"),
        (["B"], [], "direct"),
        ([], [], "direct"),
    ],
)
def test_who_may_see_it_is_read_from_to_and_cc(
    person: Person, to: list[str], cc: list[str], visibility: str
) -> None:
    names = {"F": f"{uri_of(person)}/followers", "B": remote().uri}
    addresses = {
        "to": [names.get(one, one) for one in to],
        "cc": [names.get(one, one) for one in cc],
    }
    bare = {"type": "Note", "content": "<p>hello</p>"}
    for body in (bare | addresses, {"type": "Create", "object": bare, **addresses}):
        made(person, body)
    assert list(Post.objects.values_list("visibility", flat=True)) == [visibility, visibility]


def test_who_is_addressed_or_tagged_gets_it_and_stands_in_the_tags(person: Person) -> None:
    bob, eve = remote(), remote("eve", "other.example")
    activity = made(person, note(to=[bob.uri], tag=[{"type": "Mention", "href": eve.uri}]))
    assert {tag["href"] for tag in activity["object"]["tag"]} == {bob.uri, eve.uri}
    assert set(activity["to"]) == {bob.uri, eve.uri}
    assert set(Delivery.objects.values_list("inbox", flat=True)) == {bob.inbox, eve.inbox}


def test_hashtags_of_html_are_those_that_the_client_tags_and_that_are_words(person: Person) -> None:
    tags = [{"type": "Hashtag", "name": name} for name in ("#Cats", "dogs", "#a b", "#<b>", "#" + "x" * 101)]
    activity = made(person, note("<p>#birds</p>", tag=tags))
    assert [tag["name"] for tag in activity["object"]["tag"]] == ["#cats", "#dogs"]


def test_an_answer_names_what_it_answers(person: Person) -> None:
    parent = post_of(remote())
    activity = made(person, note(inReplyTo=parent.uri, summary="careful", sensitive=True))
    assert activity["object"]["inReplyTo"] == parent.uri
    assert (activity["object"]["summary"], activity["object"]["sensitive"]) == ("careful", True)


def test_an_edit_is_sent_and_what_was_said_before_is_kept(person: Person) -> None:
    bob = remote()
    created = made(person, note("one @bob", mediaType="text/plain", cc=[bob.uri]))
    uri = created["object"]["id"]
    body = {"type": "Update", "object": {"id": uri, "type": "Note", "content": "<p>two</p>"}}
    updated = made(person, body)
    assert updated["type"] == "Update"
    assert (updated["object"]["id"], updated["object"]["content"]) == (uri, "<p>two</p>")
    assert updated["to"] == created["to"]
    assert updated["object"]["updated"]
    assert document(person.wire, uri)["content"] == "<p>two</p>"
    assert Edition.objects.get().content == "<p>one @bob</p>"
    assert Delivery.objects.filter(activity__type="Update").get().inbox == bob.inbox
    page = document(person.wire, f"{uri_of(person)}/outbox?page=first")
    assert [item["object"]["content"] for item in page["orderedItems"]] == ["<p>two</p>"]


def test_an_edit_of_the_language_alone_is_sent_and_names_nobody_twice(person: Person) -> None:
    bob = remote()
    typed = note("one @bob", mediaType="text/plain", cc=[bob.uri])
    uri = made(person, typed)["object"]["id"]
    updated = made(
        person, {"type": "Update", "object": typed | {"id": uri, "contentMap": {"cy": "one @bob"}}}
    )
    assert list(updated["object"]["contentMap"]) == ["cy"]
    assert Mention.objects.get().actor_id == bob.pk
    assert not Edition.objects.exists()
    assert Delivery.objects.filter(activity__type="Update").get().inbox == bob.inbox


def test_an_edit_that_changes_nothing_is_sent_to_nobody(person: Person) -> None:
    uri = made(person, note())["object"]["id"]
    made(person, {"type": "Update", "object": note(id=uri)})
    assert not Edition.objects.exists()
    assert not Sent.objects.filter(type="Update").exists()


def test_what_is_deleted_is_gone_and_whoever_had_it_is_told(person: Person) -> None:
    bob, fan = remote(), remote("fan", "fans.example")
    created = made(person, note(cc=[bob.uri]))
    uri = created["object"]["id"]
    Boost.objects.create(
        actor=fan, post=Post.objects.get(), visibility="public", uri=f"{fan.uri}/1",
        published="2026-01-01T00:00:00Z",
    )  # fmt: skip
    deleted = made(person, {"type": "Delete", "object": uri})
    assert deleted["object"] == {"id": uri, "type": "Tombstone", "formerType": "Note"}
    assert get(person.wire, uri).expect(410).json["type"] == "Tombstone"
    assert get(person.wire, created["id"]).refusal == (404, "unknown_post")
    assert document(person.wire, f"{uri_of(person)}/outbox")["totalItems"] == 0
    # Nobody is told of it any more but that it is gone.
    assert set(Delivery.objects.values_list("activity__type", "inbox")) == {
        ("Delete", bob.inbox),
        ("Delete", fan.inbox),
    }
    assert submit(person, {"type": "Delete", "object": uri}).refusal == (404, "unknown_post")


# --- People --------------------------------------------------------------------------------------------


def test_follow_and_undo(person: Person) -> None:
    bob = remote()
    follow = made(person, {"type": "Follow", "object": bob.uri})
    assert follow["object"] == bob.uri
    undo = made(person, {"type": "Undo", "object": follow["id"]})
    assert (undo["type"], undo["object"]["id"]) == ("Undo", follow["id"])
    assert not Follow.objects.exists()
    assert list(Sent.objects.order_by("pk").values_list("type", flat=True)) == ["Follow", "Undo"]


def test_what_is_undone_may_be_said_again(person: Person) -> None:
    bob = remote()
    for body in ({"type": "Follow", "object": bob.uri}, {"type": "Like", "object": post_of(bob).uri}):
        done = made(person, body)
        assert made(person, {"type": "Undo", "object": body})["object"]["id"] == done["id"]


@pytest.mark.parametrize("kind", ["Accept", "Reject"])
@pytest.mark.parametrize("by_id", [True, False])
def test_requests_are_answered(person: Person, kind: str, by_id: bool) -> None:
    bob, uri = remote(), "https://remote.example/follows/1"
    LocalActor.objects.filter(pk=actor_of(person).pk).update(locked=True)
    following.request(bob, actor_of(person), uri)
    said = {"type": "Follow", "actor": bob.uri, "object": uri_of(person)}
    answer = made(person, {"type": kind, "object": uri if by_id else said})
    assert (answer["type"], answer["object"]["id"]) == (kind, uri)
    assert Follow.objects.filter(state=FollowState.ACCEPTED).exists() is (kind == "Accept")
    assert Delivery.objects.get().inbox == bob.inbox


def test_block_ends_following_both_ways_and_can_be_undone(person: Person) -> None:
    bob = remote()
    actor = actor_of(person)
    Follow.objects.create(follower=bob, followee=actor, state=FollowState.ACCEPTED)
    Follow.objects.create(follower=actor, followee=bob, state=FollowState.ACCEPTED)
    block = made(person, {"type": "Block", "object": bob.uri})
    assert not Follow.objects.exists()
    assert made(person, {"type": "Undo", "object": block["id"]})["object"]["type"] == "Block"
    assert not Block.objects.exists()
    assert set(Delivery.objects.values_list("inbox", flat=True)) == {bob.inbox}
    assert submit(person, {"type": "Block", "object": actor.uri}).refusal == (422, "block_impossible")


# --- Reactions -----------------------------------------------------------------------------------------


def test_a_like_is_counted_once_sent_to_the_author_and_undone(person: Person) -> None:
    bob = remote()
    post = post_of(bob)
    like = made(person, {"type": "Like", "object": post.uri})
    assert made(person, {"type": "Like", "object": post.uri})["id"] == like["id"]
    post.refresh_from_db()
    assert (post.likes_count, Sent.objects.count()) == (1, 1)
    made(person, {"type": "Undo", "object": like["id"]})
    post.refresh_from_db()
    assert (post.likes_count, Like.objects.count()) == (0, 0)
    assert set(Delivery.objects.values_list("inbox", flat=True)) == {bob.inbox}


def test_a_boost_goes_to_followers_and_author_stands_in_the_outbox_and_is_undone(person: Person) -> None:
    bob, fan = remote(), remote("fan", "fans.example")
    Follow.objects.create(follower=fan, followee=actor_of(person), state=FollowState.ACCEPTED)
    post = post_of(bob)
    announce = made(person, {"type": "Announce", "object": post.uri})
    assert announce["to"] == [PUBLIC]
    assert announce["cc"] == [bob.uri, f"{uri_of(person)}/followers"]
    assert set(Delivery.objects.values_list("inbox", flat=True)) == {bob.inbox, fan.inbox}
    page = document(person.wire, f"{uri_of(person)}/outbox?page=first")
    assert page["orderedItems"] == [announce]
    assert document(person.wire, announce["id"]) == announce
    made(person, {"type": "Undo", "object": announce["id"]})
    assert document(person.wire, f"{uri_of(person)}/outbox")["totalItems"] == 0
    assert set(Sent.objects.values_list("type", flat=True)) == {"Undo"}
    assert not Boost.objects.exists()


def test_a_boost_of_ones_own_post_shows_it_as_it_is(person: Person) -> None:
    uri = made(person, note())["object"]["id"]
    made(person, {"type": "Announce", "object": uri})
    page = document(person.wire, f"{uri_of(person)}/outbox?page=first")
    assert [item["type"] for item in page["orderedItems"]] == ["Announce", "Create"]


def test_the_longest_text_is_published(person: Person) -> None:
    assert submit(person, note("x" * publishing.MAX_TEXT)).status == 201
    answer = submit(person, note("x" * (publishing.MAX_TEXT + 1)))
    assert answer.refusal == (422, "invalid_fields")


# --- Access keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scopes", "status"),
    [(["social:write"], 201), (["social:read"], 403), (["files:write", "files:read"], 403)],
)
def test_an_access_key_publishes_by_its_scope(person: Person, scopes: list[str], status: int) -> None:
    token = exchange(made_key(person, scopes=scopes)).expect(200).json["access_token"]
    answer = submit(person, note(), authorization=f"Bearer {token}", proof=False).expect(status)
    if status == 403:
        assert answer.code == "insufficient_scope"
        assert nothing_happened()
