"""The outbox under an `Idempotency-Key`, and how much it takes of one account."""

import threading
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections

from accounts import throttle
from activitypub.models import Follow, Like, Post, Sent
from activitypub.remote import handles
from devices.models import IdempotencyRecord
from tests.accounts.test_access_keys import exchange
from tests.accounts.test_access_keys import made as made_key
from tests.activitypub.test_actors import remote
from tests.activitypub.test_outbox import made, note, post_of, submit
from tests.people import Answer, DjangoWire, Person


def replayed(answer: Answer) -> bool:
    return answer.headers.get("idempotency-replayed") == "true"


# --- Refused -----------------------------------------------------------------------------------------


def test_another_body_under_the_same_key_is_refused(person: Person) -> None:
    submit(person, note("<p>one</p>"), key="k").expect(201)
    assert submit(person, note("<p>two</p>"), key="k").refusal == (422, "idempotency_key_reused")
    assert [post.content for post in Post.objects.all()] == ["<p>one</p>"]


def test_a_key_that_cannot_be_one_is_refused(person: Person) -> None:
    assert submit(person, note(), key="x" * 256).refusal == (400, "idempotency_key_invalid")
    assert not Post.objects.exists()


def test_what_was_refused_may_be_tried_again_under_its_key(person: Person) -> None:
    body = {"type": "Like", "object": "https://remote.example/users/bob/posts/0"}
    assert submit(person, body, key="k").refusal == (404, "unknown_post")
    post_of(remote())
    submit(person, body, key="k").expect(201)
    assert Like.objects.count() == 1


def test_a_key_says_nothing_to_others(person: Person) -> None:
    other = Person(person.wire)
    other.register().expect(201)
    first = submit(person, note(), key="k").expect(201)
    assert submit(other, note(), to=person, key="k").refusal == (403, "not_yours")
    second = submit(other, note(), key="k").expect(201)
    assert not replayed(second)
    assert first.json["id"] != second.json["id"]


def test_a_server_that_fails_half_way_has_neither_post_nor_answer(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("devices.idempotency.dumps", lambda _: 1 / 0)
        assert submit(person, note(), key="k").status == 500
    assert [rows.objects.count() for rows in (Post, Sent, IdempotencyRecord)] == [0, 0, 0]
    assert not replayed(submit(person, note(), key="k").expect(201))


# --- Once --------------------------------------------------------------------------------------------


def test_the_same_post_sent_twice_is_one_and_has_one_address(person: Person) -> None:
    first = submit(person, note(), key="k").expect(201)
    # Whoever forgets all that is in memory still knows it.
    cache.clear()
    second = submit(person, note(), key="k").expect(201)
    assert second.json == first.json
    for name in ("location", "content-type", "cache-control"):
        assert second.headers[name] == first.headers[name]
    assert (replayed(first), replayed(second)) == (False, True)
    assert Post.objects.count() == Sent.objects.count() == 1


def test_without_a_key_it_is_two(person: Person) -> None:
    assert made(person, note())["id"] != made(person, note())["id"]


@pytest.mark.parametrize("kind", ["Undo", "Delete"])
def test_what_can_be_done_only_once_is_answered_twice(person: Person, kind: str) -> None:
    done = made(person, {"type": "Follow", "object": remote().uri} if kind == "Undo" else note())
    body = {"type": kind, "object": done["id"] if kind == "Undo" else done["object"]["id"]}
    first, second = (submit(person, body, key="k").expect(201) for _ in range(2))
    assert second.json == first.json
    assert replayed(second)
    assert [rows.objects.count() for rows in (Follow, Post)] == [0, 0]


def test_an_access_keys_token_is_understood_alike(person: Person) -> None:
    token = exchange(made_key(person, scopes=["social:write"])).expect(200).json["access_token"]
    how: dict[str, Any] = {"authorization": f"Bearer {token}", "proof": False, "key": "k"}
    first, second = (submit(person, note(), **how).expect(201) for _ in range(2))
    assert (second.json, replayed(second)) == (first.json, True)
    assert Post.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_several_at_once_under_one_key_one_is_published() -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    together = threading.Barrier(4)
    answers: list[Answer] = []

    def publish() -> None:
        together.wait()
        answers.append(submit(person, note(), key="k", proof=False))
        connections.close_all()

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [201] * 4
    assert len({answer.json["id"] for answer in answers}) == 1
    assert sum(replayed(answer) for answer in answers) == 3
    assert Post.objects.count() == 1


def test_of_two_at_once_the_one_that_finds_nothing_left_to_do_gets_the_answer_too(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = made(person, {"type": "Follow", "object": remote().uri})
    body = {"type": "Undo", "object": follow["id"]}
    first = submit(person, body, key="k").expect(201)
    looked: list[bytes] = []

    def not_yet_the_first_time(digest: bytes) -> IdempotencyRecord | None:
        looked.append(digest)
        return IdempotencyRecord.objects.get(digest=digest) if len(looked) > 1 else None

    monkeypatch.setattr("devices.idempotency._known", not_yet_the_first_time)
    second = submit(person, body, key="k").expect(201)
    assert (second.json, replayed(second)) == (first.json, True)


# --- How much ----------------------------------------------------------------------------------------


def test_whoever_does_too_much_at_once_has_to_wait(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "ACTIVITIES", throttle.Limit("activities", 2, 300))
    bob = remote()
    for kind in ("Follow", "Block"):
        made(person, {"type": kind, "object": bob.uri})
    answer = submit(person, {"type": "Like", "object": post_of(bob).uri})
    assert answer.refusal == (429, "rate_limited")
    assert 0 < int(answer.headers["retry-after"]) <= 300
    assert not Like.objects.exists()


def test_whoever_posts_too_much_has_to_wait_and_can_do_all_else(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "POSTS", throttle.Limit("posts", 1, 10800))
    uri = made(person, note())["object"]["id"]
    for body in (note(), {"type": "Create", "object": note()}):
        assert submit(person, body).refusal == (429, "rate_limited")
    made(person, {"type": "Like", "object": uri})
    made(person, {"type": "Delete", "object": uri})


def test_one_waits_for_oneself_alone_and_not_for_an_answer_that_was_given(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "ACTIVITIES", throttle.Limit("activities", 1, 300))
    other = Person(person.wire)
    other.register().expect(201)
    submit(person, note(), key="k").expect(201)
    assert submit(person, note(), key="another").refusal == (429, "rate_limited")
    assert replayed(submit(person, note(), key="k").expect(201))
    made(other, note())


def test_what_is_looked_up_elsewhere_is_looked_up_with_no_transaction_open(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    resolve, save = handles.resolve, IdempotencyRecord.save

    def looked_up(names: Any) -> Any:
        order.append("looked up")
        return resolve(names)

    def written(row: IdempotencyRecord, **how: Any) -> None:
        order.append("written")
        save(row, **how)

    monkeypatch.setattr(handles, "resolve", looked_up)
    monkeypatch.setattr(IdempotencyRecord, "save", written)
    remote()
    submit(person, note("@bob@remote.example", mediaType="text/plain"), key="k").expect(201)
    assert order == ["looked up", "written", "written"]
