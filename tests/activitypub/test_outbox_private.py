"""What people keep, mute and block for themselves: of most of it nobody is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from activitypub.errors import UnknownPost
from activitypub.models import (
    Block,
    Bookmark,
    Delivery,
    Errand,
    Follow,
    FollowState,
    HostBlock,
    LocalActor,
    Mute,
    Post,
    RemoteActor,
    Sent,
    Visibility,
)
from activitypub.queries import timelines
from activitypub.services import bookmarks as bookmarks_service
from activitypub.services import host_blocks, reacting
from tests.accounts.test_access_keys import exchange
from tests.accounts.test_access_keys import made as made_key
from tests.activitypub.coming_due import do_due
from tests.activitypub.reading import get
from tests.activitypub.test_actors import actor_of, remote, uri_of
from tests.activitypub.test_outbox import made, note, post_of, submit
from tests.people import Person


def kept(kind: str, person: Person, uri: str) -> dict[str, Any]:
    return {"type": kind, "object": uri, "target": f"{uri_of(person)}/bookmarks"}


def bookmarks(person: Person, page: str = "?page=first") -> Any:
    path = f"/users/{person.username}/bookmarks{page}"
    return person.handset.call("GET", path).expect(200).json


# --- Bookmarks: refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Add", "Remove"])
def test_nothing_is_kept_in_the_bookmarks_of_another_or_in_any_other_collection(
    person: Person, other: Person, kind: str
) -> None:
    uri = post_of(remote()).uri
    mine = uri_of(person)
    targets = (f"{uri_of(other)}/bookmarks", f"{mine}/likes", f"{mine}/bookmarks/", mine, None)
    for target in targets:
        answer = submit(person, {"type": kind, "object": uri, "target": target})
        assert answer.refusal == (422, "activity_refused")
        assert answer.json["detail"].endswith(": unsupported_target")
    assert not Bookmark.objects.exists()


def test_what_one_may_not_see_is_not_kept(person: Person) -> None:
    uri = post_of(remote(), Visibility.PRIVATE).uri
    assert submit(person, kept("Add", person, uri)).refusal == (404, "unknown_post")
    assert not Bookmark.objects.exists()


def test_what_is_not_kept_cannot_be_let_go(person: Person, other: Person) -> None:
    uri = post_of(remote()).uri
    made(other, kept("Add", other, uri))
    assert submit(person, kept("Remove", person, uri)).refusal == (404, "unknown_bookmark")
    assert Bookmark.objects.count() == 1


def test_nobody_else_reads_what_is_kept(person: Person, other: Person) -> None:
    made(person, kept("Add", person, post_of(remote()).uri))
    path = f"/users/{person.username}/bookmarks"
    for page in ("", "?page=first"):
        assert get(person.wire, path + page).refusal == (401, "not_authenticated")
        assert other.handset.call("GET", path + page).refusal == (403, "not_yours")
        # Alike for a name that nobody has.
        assert other.handset.call("GET", f"/users/nobody/bookmarks{page}").refusal == (403, "not_yours")
        phone = person.new_handset("phone")
        phone.log_in().expect(200)
        assert phone.call("GET", path + page).refusal == (403, "device_pending")
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        assert person.handset.call(method, path, {}).refusal == (405, "method_not_allowed")


@pytest.mark.parametrize(
    ("scope", "status"), [("social:read", 200), ("social:write", 403), ("files:read", 403)]
)
@pytest.mark.parametrize("name", ["bookmarks", "inbox"])
def test_an_access_key_reads_by_its_scope(person: Person, name: str, scope: str, status: int) -> None:
    token = exchange(made_key(person, scopes=[scope])).expect(200).json["access_token"]
    path = f"/users/{person.username}/{name}"
    answer = person.handset.call("GET", path, authorization=f"Bearer {token}", proof=False).expect(status)
    if status == 403:
        assert answer.code == "insufficient_scope"


def test_an_access_key_that_reads_sees_what_is_for_its_person(person: Person) -> None:
    uri = made(person, note(to=[remote().uri]))["object"]["id"].removeprefix(person.wire.origin)
    for scope, status in (("social:read", 200), ("social:write", 404)):
        token = exchange(made_key(person, scopes=[scope])).expect(200).json["access_token"]
        headers = {"Accept": "application/activity+json"}
        how: dict[str, Any] = {"authorization": f"Bearer {token}", "proof": False, "headers": headers}
        person.handset.call("GET", uri, **how).expect(status)


def test_what_is_deleted_meanwhile_is_neither_kept_nor_liked_nor_boosted(person: Person) -> None:
    post = post_of(remote())
    Post.objects.all().delete()
    alice = actor_of(person)
    for deed in (bookmarks_service.keep, reacting.like, reacting.boost):
        with pytest.raises(UnknownPost):
            deed(alice, post)
    assert not Sent.objects.exists()


# --- Bookmarks: kept ---------------------------------------------------------------------------------


def test_what_is_kept_is_listed_for_its_owner_the_newest_first_and_told_to_nobody(person: Person) -> None:
    bob = remote()
    one, two = post_of(bob), post_of(bob)
    added = made(person, kept("Add", person, one.uri))
    assert made(person, kept("Add", person, one.uri))["id"] == added["id"]
    made(person, kept("Add", person, two.uri))
    assert added["target"] == f"{uri_of(person)}/bookmarks"
    assert bookmarks(person, "")["totalItems"] == 2
    assert bookmarks(person)["orderedItems"] == [two.uri, one.uri]
    answer = person.handset.call("GET", f"/users/{person.username}/bookmarks")
    assert answer.headers["cache-control"] == "private, no-store"
    removed = made(person, kept("Remove", person, one.uri))
    assert (removed["type"], removed["object"]) == ("Remove", one.uri)
    assert bookmarks(person)["orderedItems"] == [two.uri]
    assert not Sent.objects.exists()
    assert b"bookmarks" not in get(person.wire, uri_of(person)).body


def test_what_can_be_seen_no_more_is_listed_no_more_and_can_be_let_go(person: Person) -> None:
    bob = remote()
    post = post_of(bob)
    made(person, kept("Add", person, post.uri))
    Block.objects.create(actor=bob, target=actor_of(person))
    assert bookmarks(person)["orderedItems"] == []
    made(person, kept("Remove", person, post.uri))
    assert not Bookmark.objects.exists()


def test_what_was_pinned_is_not_what_was_kept(person: Person) -> None:
    uri = made(person, note())["object"]["id"]
    made(person, {"type": "Add", "object": uri, "target": f"{uri_of(person)}/featured"})
    assert bookmarks(person)["orderedItems"] == []
    assert not Bookmark.objects.exists()


# --- Mutes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["yesterday", 3, "2020-01-01T00:00:00Z", {"x": 1}])
def test_a_mute_ends_in_the_future(person: Person, end: Any) -> None:
    answer = submit(person, {"type": "Ignore", "object": remote().uri, "endTime": end})
    assert answer.refusal == (422, "activity_refused")
    assert answer.json["detail"].endswith(": ended_before")
    assert not Mute.objects.exists()


def test_nobody_mutes_themselves_or_somebody_who_is_nobody(person: Person) -> None:
    assert submit(person, {"type": "Ignore", "object": uri_of(person)}).refusal == (422, "mute_impossible")
    nobody = f"{person.wire.origin}/users/nobody"
    assert submit(person, {"type": "Ignore", "object": nobody}).refusal == (404, "unknown_actor")
    assert not Mute.objects.exists()


def test_nobody_ends_the_mute_of_another(person: Person, other: Person) -> None:
    bob = remote()
    ignore = made(other, {"type": "Ignore", "object": bob.uri})
    forged = ignore["id"].replace(other.username, person.username)
    for undone in (
        ignore["id"],
        forged,
        {"type": "Ignore", "object": bob.uri},
        f"{uri_of(person)}/objects/x",
    ):
        assert submit(person, {"type": "Undo", "object": undone}).refusal == (422, "activity_refused")
    huge = f"{uri_of(person)}/objects/9999999999999999999"
    assert submit(person, {"type": "Undo", "object": huge}).refusal == (422, "activity_refused")
    assert Mute.objects.count() == 1


@pytest.mark.parametrize("by_id", [True, False])
def test_a_mute_hides_somebody_until_it_is_undone_and_nobody_is_told(person: Person, by_id: bool) -> None:
    alice, bob = actor_of(person), remote()
    Follow.objects.create(follower=alice, followee=bob, state=FollowState.ACCEPTED)
    post_of(bob)
    ignore = made(person, {"type": "Ignore", "object": bob.uri})
    assert timelines.home(alice) == []
    said = ignore["id"] if by_id else {"type": "Ignore", "object": bob.uri}
    undo = made(person, {"type": "Undo", "object": said})
    assert undo["object"]["id"] == ignore["id"]
    assert len(timelines.home(alice)) == 1
    assert Follow.objects.count() == 1
    assert not Sent.objects.exists()
    # And once only.
    assert submit(person, {"type": "Undo", "object": said}).refusal == (422, "activity_refused")


def test_of_two_mutes_of_one_actor_the_last_holds(person: Person) -> None:
    bob, end = remote(), timezone.now() + timedelta(days=1)
    until = {"endTime": end.isoformat()}
    first = made(person, {"type": "Ignore", "object": bob.uri} | until)
    assert datetime.fromisoformat(first["endTime"]) == end.astimezone(UTC).replace(microsecond=0)
    assert Mute.objects.get().until == end
    second = made(person, {"type": "Ignore", "object": bob.uri})
    assert "endTime" not in second
    assert second["id"] == first["id"]
    assert Mute.objects.get().until is None


# --- Whole hosts -------------------------------------------------------------------------------------


def following_each_other(alice: LocalActor, count: int, host: str = "remote.example") -> None:
    for number in range(count):
        one = remote(f"n{number}", host)
        Follow.objects.create(follower=one, followee=alice, state=FollowState.ACCEPTED, uri=f"{one.uri}/f")
        Follow.objects.create(
            follower=alice, followee=one, state=FollowState.ACCEPTED, uri=f"{alice.uri}/{one.pk}"
        )


def test_nobody_blocks_their_own_server(person: Person) -> None:
    for uri in (person.wire.origin, f"{person.wire.origin}/"):
        refusal = submit(person, {"type": "Block", "object": uri}).refusal
        assert refusal == (422, "host_block_impossible")
    assert not HostBlock.objects.exists()


@pytest.mark.parametrize("rest", ["/users/bob", "/?x=1", "/#a", "//", "/x/"])
def test_an_address_with_anything_behind_the_host_is_no_host(person: Person, rest: str) -> None:
    submit(person, {"type": "Block", "object": f"https://127.0.0.1:9{rest}"}).expect(404)
    assert not HostBlock.objects.exists()


def test_nobody_ends_the_block_of_another(person: Person, other: Person) -> None:
    block = made(other, {"type": "Block", "object": "https://remote.example/"})
    for undone in (block["id"], block["id"].replace(other.username, person.username), block):
        assert submit(person, {"type": "Undo", "object": undone}).refusal == (422, "activity_refused")
    assert HostBlock.objects.count() == 1


def test_who_is_blocked_is_not_followed(person: Person) -> None:
    bob, eve = remote(), remote("eve", "other.example")
    made(person, {"type": "Block", "object": f"https://{bob.host}"})
    made(person, {"type": "Block", "object": eve.uri})
    for one in (bob, eve):
        assert submit(person, {"type": "Follow", "object": one.uri}).refusal == (422, "blocked_by_you")
    assert not Follow.objects.exists()


@pytest.mark.parametrize("address", ["https://remote.example", "https://Remote.example/"])
def test_blocking_a_host_ends_following_both_ways_and_no_other(
    person: Person, alice: LocalActor, address: str
) -> None:
    following_each_other(alice, 2)
    following_each_other(alice, 1, "other.example")
    block = made(person, {"type": "Block", "object": address})
    assert block["object"] == "https://remote.example/"
    assert made(person, {"type": "Block", "object": address})["id"] == block["id"]
    assert set(Follow.objects.values_list("follower__host", "followee__host")) == {
        ("other.example", ""),
        ("", "other.example"),
    }
    told = sorted(Delivery.objects.values_list("activity__type", "host"))
    assert told == [("Reject", "remote.example")] * 2 + [("Undo", "remote.example")] * 2
    assert not Errand.objects.exists()


def test_an_actor_at_the_address_of_a_host_is_blocked_and_not_the_host(person: Person) -> None:
    bob = remote()
    RemoteActor.objects.filter(pk=bob.pk).update(uri="https://remote.example/")
    done = made(person, {"type": "Block", "object": "https://remote.example/"})
    assert Block.objects.get().target_id == bob.pk
    assert not HostBlock.objects.exists()
    made(person, {"type": "Undo", "object": {"type": "Block", "object": "https://remote.example/"}})
    assert not Block.objects.exists()
    assert done["object"] == "https://remote.example/"


def test_a_host_that_is_blocked_is_seen_in_no_timeline_until_that_is_undone(
    person: Person, alice: LocalActor
) -> None:
    post_of(remote())
    assert len(timelines.public(alice)) == 1
    block = made(person, {"type": "Block", "object": "https://remote.example/"})
    assert timelines.public(alice) == []
    undo = made(person, {"type": "Undo", "object": block["id"]})
    assert undo["object"]["object"] == "https://remote.example/"
    assert len(timelines.public(alice)) == 1
    made(person, {"type": "Block", "object": "https://remote.example/"})
    made(person, {"type": "Undo", "object": {"type": "Block", "object": "https://remote.example"}})
    assert not HostBlock.objects.exists()
    assert not Sent.objects.exists()


def test_of_a_large_host_the_rest_is_ended_later_and_survives_a_death(
    person: Person, alice: LocalActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_blocks, "AT_ONCE", 3)
    following_each_other(alice, 5)
    made(person, {"type": "Block", "object": "https://remote.example/"})
    assert Follow.objects.count() == 7
    assert Errand.objects.count() == 1
    # Whoever took it died: it is due again.
    monkeypatch.setattr(host_blocks, "_end", lambda follows: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        do_due(timezone.now() + timedelta(seconds=1))
    assert Follow.objects.count() == 7
    monkeypatch.undo()
    do_due(timezone.now() + timedelta(hours=1))
    assert not Follow.objects.exists()
    assert not Errand.objects.exists()
    assert Delivery.objects.count() == 10


def test_what_is_left_of_an_undone_block_stays(
    person: Person, alice: LocalActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_blocks, "AT_ONCE", 3)
    following_each_other(alice, 3)
    block = made(person, {"type": "Block", "object": "https://remote.example/"})
    made(person, {"type": "Undo", "object": block["id"]})
    do_due(timezone.now() + timedelta(seconds=1))
    assert Follow.objects.count() == 3
    assert not Errand.objects.exists()
    assert Post.objects.count() == 0
