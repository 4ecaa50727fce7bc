"""`Idempotency-Key`: the second time, the first answer; under the same account, method and path."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from devices import idempotency
from devices.models import Challenge, Device, IdempotencyRecord
from tests.people import Answer, DjangoWire, Person

REUSED = (422, "idempotency_key_reused")


def rename(person: Person, name: str, key: str | None = "k-1", device: str | None = None) -> Answer:
    headers = {} if key is None else {"Idempotency-Key": key}
    path = f"devices/{device or person.handset.hash}"
    return person.handset.call("PATCH", path, {"name": name}, headers=headers)


def test_another_body_under_the_same_key_is_refused_and_does_nothing(person: Person) -> None:
    rename(person, "one").expect(200)
    assert rename(person, "two").refusal == REUSED
    assert Device.objects.get(hash=person.handset.hash).name == "one"


@pytest.mark.parametrize("key", ["", "x" * 256, "ümlaut", "a\tb"])
def test_a_key_is_refused(person: Person, key: str) -> None:
    assert rename(person, "one", key).refusal == (400, "idempotency_key_invalid")
    assert Device.objects.get(hash=person.handset.hash).name == "first"


def test_a_body_too_deep_to_be_remembered_is_refused(person: Person) -> None:
    deep = b'{"name":' + b"[" * 300 + b"]" * 300 + b"}"
    path = f"devices/{person.handset.hash}"
    answer = person.handset.call("PATCH", path, deep, headers={"Idempotency-Key": "k"})
    assert answer.status in (400, 422)
    assert answer.code in ("malformed_json", "invalid_fields")


def test_a_refusal_is_not_remembered(person: Person) -> None:
    assert rename(person, "").refusal == (422, "invalid_fields")
    assert IdempotencyRecord.objects.count() == 0
    rename(person, "now right").expect(200)


def test_a_key_is_no_way_around_the_token(person: Person) -> None:
    rename(person, "one").expect(200)
    stranger = Person(person.wire)
    path = f"devices/{person.handset.hash}"
    answer = stranger.handset.call("PATCH", path, {"name": "one"}, headers={"Idempotency-Key": "k-1"})
    assert answer.refusal == (401, "not_authenticated")
    stranger.register().expect(201)
    answer = stranger.handset.call("PATCH", path, {"name": "one"}, headers={"Idempotency-Key": "k-1"})
    assert answer.refusal == (404, "unknown_device")


def test_the_second_time_the_first_answer_comes_again_and_nothing_is_done(person: Person) -> None:
    first = rename(person, "one").expect(200)
    Device.objects.filter(hash=person.handset.hash).update(name="changed meanwhile")
    second = rename(person, "one").expect(200)
    assert second.json == first.json
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert Device.objects.get(hash=person.handset.hash).name == "changed meanwhile"


def test_the_order_of_members_makes_no_other_body(person: Person) -> None:
    path, headers = f"devices/{person.handset.hash}", {"Idempotency-Key": "k"}
    person.handset.call("PATCH", path, b'{"name":"a","x":1}', headers=headers).expect(200)
    again = person.handset.call("PATCH", path, b'{ "x": 1, "name": "a" }', headers=headers).expect(200)
    assert again.headers["idempotency-replayed"] == "true"


def test_the_same_key_on_another_path_or_method_is_another(person: Person) -> None:
    phone = person.certified_handset()
    rename(person, "one").expect(200)
    assert rename(person, "two", device=phone.hash).expect(200).json["name"] == "two"
    email = {"email": "new@mail.example"}
    person.handset.call("PATCH", "me", email, headers={"Idempotency-Key": "k-1"}).expect(200)
    message = {"message": "x"}
    answer = person.handset.call("PUT", "me/secret", message, headers={"Idempotency-Key": "k-1"})
    assert answer.refusal == (422, "secret_invalid")


def test_two_devices_of_one_account_share_its_keys(person: Person) -> None:
    phone = person.certified_handset()
    rename(person, "one").expect(200)
    path = f"devices/{person.handset.hash}"
    again = phone.call("PATCH", path, {"name": "one"}, headers={"Idempotency-Key": "k-1"}).expect(200)
    assert again.headers["idempotency-replayed"] == "true"


def test_without_a_key_every_call_is_done(person: Person) -> None:
    for name in ("one", "two"):
        assert rename(person, name, key=None).expect(200).json["name"] == name
    assert IdempotencyRecord.objects.count() == 0


def test_after_a_day_a_key_may_be_used_again(person: Person) -> None:
    rename(person, "one").expect(200)
    row = IdempotencyRecord.objects.get()
    IdempotencyRecord.objects.update(created_at=row.created_at - timedelta(hours=24, seconds=1))
    assert rename(person, "two").expect(200).json["name"] == "two"
    IdempotencyRecord.objects.update(created_at=row.created_at - timedelta(hours=24, seconds=1))
    assert idempotency.forget_old_answers() == 1


def test_a_lost_answer_to_a_revocation_comes_again(person: Person) -> None:
    phone = person.certified_handset()
    body = person.handset.revocation(phone)
    headers, path = {"Idempotency-Key": "revoke"}, f"devices/{phone.hash}/revoke"
    first = person.handset.call("POST", path, body, headers=headers).expect(200)
    again = person.handset.call("POST", path, body, headers=headers).expect(200)
    assert again.json == first.json
    assert person.handset.call("POST", path, body).refusal == (422, "challenge_invalid")


def test_a_lost_answer_with_no_body_comes_again(person: Person) -> None:
    import pysequoia

    cert = pysequoia.Cert.from_bytes(person.key.public.encode())
    body = {"message": pysequoia.encrypt(b"secret", [cert]).decode()}
    headers = {"Idempotency-Key": "secret"}
    for replayed in (None, "true"):
        answer = person.handset.call("PUT", "me/secret", body, headers=headers).expect(204)
        assert answer.headers.get("idempotency-replayed") == replayed
        assert answer.body == b""


def test_a_challenge_asked_for_twice_under_one_key_is_one_challenge(person: Person) -> None:
    body, headers = {"purpose": "key"}, {"Idempotency-Key": "c"}
    given = [person.handset.call("POST", "challenges", body, headers=headers).expect(200).json for _ in "ab"]
    assert given[0] == given[1]
    assert Challenge.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("me/password", {"password": "wrong", "new_password": "long enough for anybody"}),
        ("me/key", {}),
        ("sessions/logout", {}),
        ("sessions/activate", {"certificate": "x"}),
        ("sessions/refresh", {}),
    ],
)
def test_a_call_with_a_password_or_a_token_is_never_remembered(
    person: Person, path: str, body: dict[str, Any]
) -> None:
    person.certified_handset()
    person.handset.call("POST", path, body, headers={"Idempotency-Key": "k"})
    assert IdempotencyRecord.objects.count() == 0


def test_what_is_remembered_stands_sealed(person: Person) -> None:
    rename(person, "a name to be searched for").expect(200)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM devices_idempotencyrecord")
        row = str([bytes(v) if isinstance(v, memoryview) else v for v in cursor.fetchone()])
    assert "searched" not in row


@pytest.mark.django_db(transaction=True)
def test_of_many_calls_at_once_under_one_key_one_is_done() -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    phone = person.certified_handset()
    body = person.handset.revocation(phone)
    person.handset.call("GET", "instance")
    nonce = person.handset.nonce
    path, together = f"devices/{phone.hash}/revoke", threading.Barrier(5)
    answers: list[Answer] = []

    def revoke() -> None:
        handset = Person(DjangoWire(), person.username).new_handset(key=person.handset.key)
        handset.token, handset.nonce = person.handset.token, nonce
        together.wait()
        try:
            answers.append(handset.call("POST", path, body, headers={"Idempotency-Key": "once"}))
        finally:
            connection.close()

    threads = [threading.Thread(target=revoke) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [200] * 5
    assert sorted("idempotency-replayed" in answer.headers for answer in answers) == [False] + [True] * 4
