"""Access keys: who makes them, what they open, how they end, and what nobody can read of them."""

import hashlib
import json
import threading
import time
import uuid
from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts import passwords, throttle
from accounts.models import AccessKey, Account
from accounts.services import access_keys
from accounts.throttle import Limit
from audit.errors import AuditUnavailable
from devices import state, tokens
from devices.models import Device
from devices.protocol.device_hash import DeviceHash, access_key_hash
from devices.services import lifecycle
from hvx import housekeeping
from tests.audit.reading import is_about, is_from, rows_elsewhere, rows_of, told
from tests.people import Answer, DjangoWire, Handset, Person, b64url, claims_of, from_b64url, lp

SCOPES = ["files:read", "social:write"]
INVALID = (401, "invalid_access_key")
LOCKED_OUT = ("locked_out", {"limit": "refused-secrets", "seconds": 900})


def make(person: Person, **members: Any) -> Answer:
    body = {"name": "backup robot", "scopes": SCOPES, "password": person.password} | members
    sent = {name: value for name, value in body.items() if value is not None}
    return person.handset.call("POST", "me/access-keys", sent)


def made(person: Person, **members: Any) -> dict[str, Any]:
    """The portable document of a new key."""
    document: dict[str, Any] = make(person, **members).expect(201).json["access_key"]
    return document


def exchange(key: dict[str, Any], **members: Any) -> Answer:
    """By a program that has nothing but the key: no proof, no device."""
    body = {"key_id": key["key_id"], "secret": key["secret"]} | members
    raw = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    return DjangoWire("203.0.113.5").request(
        "POST", "/api/hvx/v1/sessions/access-key", headers=headers, body=raw
    )


def read_me(token: str) -> Answer:
    headers = {"Authorization": f"Bearer {token}"}
    return DjangoWire().request("GET", "/api/hvx/v1/me", headers=headers, body=None)


def listed(person: Person) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = person.handset.call("GET", "me/access-keys").expect(200).json["results"]
    return rows


def as_device(person: Person, hash_: str) -> dict[str, Any]:
    row: dict[str, Any] = person.handset.call("GET", f"devices/{hash_}").expect(200).json
    return row


# --- Making one ----------------------------------------------------------------------------------


def test_a_wrong_password_makes_no_key(person: Person) -> None:
    assert make(person, password="not the password").refusal == (403, "password_wrong")
    assert not AccessKey.objects.exists()
    assert Device.objects.count() == 1


def test_no_key_is_made_where_the_password_changes_once_it_is_confirmed(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm = passwords.confirm

    def confirm_and_change(*args: Any) -> None:
        confirm(*args)
        Account.objects.update(password="another hash")

    monkeypatch.setattr(passwords, "confirm", confirm_and_change)
    assert make(person).refusal == (403, "password_wrong")
    assert not AccessKey.objects.exists()


def test_the_password_is_not_tried_without_end(person: Person) -> None:
    for _ in range(throttle.GUESSES_UNPROVEN.most):
        assert make(person, password="not the password").status == 403
    assert make(person).refusal == (429, "rate_limited")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scopes", []),
        ("scopes", ["full"]),
        ("scopes", ["pending"]),
        ("scopes", ["files:read full"]),
        ("scopes", ["files:read", "files:delete"]),
        ("scopes", "files:read"),
        ("scopes", None),
        ("name", ""),
        ("name", "x" * 65),
        ("name", "a\nb"),
        ("expires_at", "2020-01-01T00:00:00Z"),
        ("expires_at", "2999-01-01T00:00:00Z"),
        ("expires_at", "tomorrow"),
        ("expires_at", 4_000_000_000),
        ("password", None),
    ],
)
def test_a_key_is_not_made_with(person: Person, field: str, value: object) -> None:
    answer = make(person, **{field: value})
    assert answer.refusal == (422, "invalid_fields")
    assert all(name.split(".")[0] == field for name in answer.json["errors"])
    assert not AccessKey.objects.exists()


def test_there_are_only_so_many(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_keys, "MOST_ACCESS_KEYS", 2)
    first = made(person)
    made(person)
    assert make(person).refusal == (409, "access_key_limit")
    person.handset.call("DELETE", f"me/access-keys/{first['key_id']}").expect(204)
    make(person).expect(201)


@pytest.mark.django_db(transaction=True)
def test_of_many_made_at_once_no_more_are_made_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_keys, "MOST_ACCESS_KEYS", 3)
    person = Person(DjangoWire())
    person.register().expect(201)
    together, answers = threading.Barrier(6), list[Answer]()

    def one() -> None:
        copy = Person(DjangoWire(), person.username, password=person.password, key=person.key)
        copy.handset.token = person.handset.token
        together.wait()
        try:
            answers.append(make(copy))
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [201, 201, 201, 409, 409, 409]
    assert AccessKey.objects.count() == Device.objects.filter(kind="access_key").count() == 3


def test_the_document_is_what_its_holder_needs_and_the_secret_is_shown_once(person: Person) -> None:
    answer = make(person).expect(201)
    key = answer.json["access_key"]
    assert answer.headers["cache-control"] == "no-store"
    assert key.keys() == {"type", "origin", "account", "key_id", "secret", "scopes", "expires_at"}
    assert key["type"] == "hvx-access-key/1"
    assert (key["origin"], key["account"], key["scopes"]) == (person.wire.origin, person.account, SCOPES)
    assert str(uuid.UUID(key["key_id"])) == key["key_id"]
    assert len(from_b64url(key["secret"])) == 32
    for path in ("me/access-keys", "devices", f"devices/{answer.json['device']}", "me"):
        told = person.handset.call("GET", path).expect(200)
        assert key["secret"].encode() not in told.body
    [row] = listed(person)
    assert row == {name: value for name, value in answer.json.items() if name != "access_key"}
    assert row.keys() == {
        "key_id", "device", "name", "scopes", "created_at", "expires_at", "last_seen_at"
    }  # fmt: skip


def test_without_an_end_it_lasts_a_year_and_with_one_as_long(person: Person) -> None:
    year = datetime.fromisoformat(made(person)["expires_at"])
    assert abs(year - timezone.now() - timedelta(days=365)) < timedelta(minutes=1)
    soon = timezone.now() + timedelta(hours=3)
    assert datetime.fromisoformat(made(person, expires_at=soon.isoformat())["expires_at"]) == soon


def test_the_secret_is_kept_as_its_sha_256_and_nowhere_else(person: Person) -> None:
    key = made(person)
    secret = from_b64url(key["secret"])
    assert bytes(AccessKey.objects.get().digest) == hashlib.sha256(secret).digest()
    rows = [*AccessKey.objects.values_list(), *Device.objects.values_list()]
    columns = [bytes(column) if isinstance(column, memoryview) else column for row in rows for column in row]
    assert uuid.UUID(key["key_id"]) in columns
    for shown in (key["secret"], secret, secret.hex()):
        assert not any(str(shown) in str(column) for column in columns)


def test_a_key_lasts_at_most_366_days(person: Person) -> None:
    now = timezone.now()
    assert make(person, expires_at=(now + timedelta(days=367)).isoformat()).status == 422
    make(person, expires_at=(now + timedelta(days=365, hours=23)).isoformat()).expect(201)


def test_the_same_call_twice_makes_two_keys_for_its_answer_is_not_kept(person: Person) -> None:
    body = {"name": "robot", "scopes": SCOPES, "password": person.password}
    headers = {"Idempotency-Key": "again"}
    answers = [person.handset.call("POST", "me/access-keys", body, headers=headers) for _ in range(2)]
    assert answers[0].expect(201).json["key_id"] != answers[1].expect(201).json["key_id"]


# --- The device that it is -------------------------------------------------------------------------


def test_it_is_a_device_of_its_kind_with_its_scopes(person: Person) -> None:
    answer = make(person).expect(201).json
    row = as_device(person, answer["device"])
    assert (row["kind"], row["state"], row["name"]) == ("access_key", "active", "backup robot")
    assert (row["scopes"], row["expires_at"]) == (SCOPES, answer["expires_at"])
    assert as_device(person, person.handset.hash)["scopes"] == []
    hashes = [one["device"] for one in person.handset.call("GET", "devices").json["results"]]
    assert sorted(hashes) == sorted([person.handset.hash, answer["device"]])


def test_its_hash_can_be_computed_by_whoever_holds_it(person: Person) -> None:
    answer = make(person).expect(201).json
    key = answer["access_key"]
    digest = hashlib.sha256(urlsafe_b64decode(key["secret"] + "=")).digest()
    expected = hashlib.sha256(lp("hvx-access-key/1", key["account"], key["key_id"], digest)).digest()
    assert answer["device"] == b64url(expected)
    with pytest.raises(ValueError, match="32 bytes"):
        access_key_hash(key["account"], key["key_id"], digest[:31])


def test_the_public_sees_nothing_of_it(person: Person) -> None:
    answer = make(person).expect(201).json
    public = person.handset.call("GET", f"accounts/{person.username}/devices").expect(200)
    assert answer["device"].encode() not in public.body
    phone = person.new_handset()
    assert answer["device"].encode() not in phone.log_in().expect(200).body


def test_it_is_no_device_that_would_be_left(person: Person) -> None:
    made(person)
    assert person.handset.log_out().refusal == (409, "last_device")


def test_it_outlives_a_new_password_and_nobody_is_told_it_became_pending(person: Person) -> None:
    key = made(person)
    body = {"password": person.password, "new_password": "another one of twelve"}
    person.handset.call("POST", "me/password", body).expect(200)
    exchange(key).expect(200)


# --- The exchange ----------------------------------------------------------------------------------


def _nobody(key: dict[str, Any]) -> dict[str, Any]:
    return {"key_id": str(uuid.uuid4())}


WRONG: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "an unknown id": _nobody,
    "another secret": lambda key: {"secret": b64url(bytes(32))},
    "the digest for the secret": lambda key: {
        "secret": b64url(hashlib.sha256(from_b64url(key["secret"])).digest())
    },
    "one bit changed": lambda key: {
        "secret": b64url(bytes([from_b64url(key["secret"])[0] ^ 1]) + from_b64url(key["secret"])[1:])
    },
}


@pytest.mark.parametrize("fault", WRONG)
def test_it_is_refused_alike_with(person: Person, fault: str) -> None:
    key = made(person)
    answer = exchange(key, **WRONG[fault](key))
    assert answer.refusal == INVALID
    assert answer.json == exchange(key, **_nobody(key)).json
    assert "www-authenticate" in answer.headers
    exchange(key).expect(200)


def test_anothers_secret_opens_nothing(person: Person) -> None:
    one, other = made(person), made(person)
    assert exchange(one, secret=other["secret"]).refusal == INVALID


@pytest.mark.parametrize(
    "members",
    [
        {"key_id": "7"},
        {"key_id": 7},
        {"key_id": None},
        {"key_id": "\x00" * 36},
        {"secret": ""},
        {"secret": "AAAA"},
        {"secret": None},
        {"secret": "=" * 43},
    ],
)
def test_a_body_that_is_none_is_refused(person: Person, members: dict[str, Any]) -> None:
    assert exchange(made(person), **members).refusal == (422, "invalid_fields")


def test_the_key_id_has_one_spelling(person: Person) -> None:
    key = made(person)
    assert exchange(key, key_id=key["key_id"].upper()).refusal == (422, "invalid_fields")


def test_it_brings_a_short_token_of_the_keys_scopes_without_the_e_mail_address(person: Person) -> None:
    made_ = make(person).expect(201).json
    answer = exchange(made_["access_key"]).expect(200)
    told = answer.json
    assert answer.headers["cache-control"] == "no-store"
    assert told.keys() == {
        "account", "device", "scope", "access_token", "token_type", "expires_in"
    }  # fmt: skip
    assert (told["device"], told["scope"]) == (made_["device"], " ".join(SCOPES))
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 600)
    claims = claims_of(told["access_token"])
    assert claims["scope"] == " ".join(SCOPES)
    assert (claims["sub"], claims["device"]) == (person.id, made_["device"])
    assert claims["exp"] - claims["iat"] == 600
    assert not {"email", "cnf"} & claims.keys()
    assert tokens.check(told["access_token"]).device == made_["device"]


def test_no_token_outlives_its_key(person: Person) -> None:
    key = made(person, expires_at=(timezone.now() + timedelta(seconds=90)).isoformat())
    told = exchange(key).expect(200).json
    claims = claims_of(told["access_token"])
    assert 80 <= told["expires_in"] <= 90
    assert claims["exp"] <= datetime.fromisoformat(key["expires_at"]).timestamp()


def test_its_token_reaches_nothing_yet_and_no_socket(person: Person) -> None:
    token = exchange(made(person)).json["access_token"]
    assert read_me(token).refusal == (403, "insufficient_scope")


def test_its_use_is_seen(person: Person) -> None:
    answer = make(person).expect(201).json
    long_ago = timezone.now() - timedelta(days=30)
    Device.objects.filter(hash=answer["device"]).update(last_seen_at=long_ago)
    exchange(answer["access_key"]).expect(200)
    [row] = listed(person)
    assert datetime.fromisoformat(row["last_seen_at"]) > timezone.now() - timedelta(minutes=1)


def test_who_fails_too_often_waits_and_a_right_secret_never_does(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "REFUSED_SECRETS", Limit("refused-secrets", 3, 900))
    key = made(person)
    for _ in range(3):
        assert exchange(key, **_nobody(key)).refusal == INVALID
    answer = exchange(key, **_nobody(key))
    assert answer.refusal == (429, "rate_limited")
    assert int(answer.headers["retry-after"]) > 0
    exchange(key).expect(200)


# --- The end ---------------------------------------------------------------------------------------


def by_delete(person: Person, answer: dict[str, Any]) -> Answer:
    return person.handset.call("DELETE", f"me/access-keys/{answer['key_id']}")


def by_revoking(person: Person, answer: dict[str, Any]) -> Answer:
    return person.handset.call("POST", f"devices/{answer['device']}/revoke", {})


@pytest.mark.parametrize(("end", "status"), [(by_delete, 204), (by_revoking, 200)])
def test_ended_it_opens_nothing_and_its_tokens_are_dead_at_once(
    person: Person, end: Callable[[Person, dict[str, Any]], Answer], status: int
) -> None:
    answer = make(person).expect(201).json
    token = exchange(answer["access_key"]).json["access_token"]
    assert read_me(token).refusal == (403, "insufficient_scope")
    end(person, answer).expect(status)
    assert read_me(token).refusal == (401, "device_revoked")
    assert exchange(answer["access_key"]).refusal == (401, "device_revoked")
    # Who does not hold the secret is not told that there ever was such a key.
    assert exchange(answer["access_key"], secret=b64url(bytes(32))).refusal == INVALID
    assert listed(person) == []
    assert as_device(person, answer["device"])["ended"] == "revoked"
    assert end(person, answer).refusal == (409, "device_ended")


def test_another_worker_refuses_its_tokens_within_a_second(person: Person) -> None:
    answer = make(person).expect(201).json
    token = exchange(answer["access_key"]).json["access_token"]
    held = state.standing(DeviceHash(answer["device"]))
    by_delete(person, answer).expect(204)
    # As a worker that has not heard of it: it holds what it read before, for 0.8 s and no longer.
    now = time.monotonic()
    state._kept[answer["device"]] = (now, held)
    assert read_me(token).refusal == (403, "insufficient_scope")
    state._kept[answer["device"]] = (now - 0.81, held)
    assert read_me(token).refusal == (401, "device_revoked")


def test_anothers_key_is_not_there(person: Person) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)
    answer = make(person).expect(201).json
    assert by_delete(stranger, answer).refusal == (404, "unknown_access_key")
    assert by_revoking(stranger, answer).refusal == (404, "unknown_device")
    assert listed(stranger) == []
    exchange(answer["access_key"]).expect(200)


@pytest.mark.parametrize("id_", ["7", "x" * 300, "%00", str(uuid.UUID(int=7))])
def test_what_is_no_key_is_not_there(person: Person, id_: str) -> None:
    answer = person.handset.call("DELETE", f"me/access-keys/{id_}")
    assert answer.refusal == (404, "unknown_access_key")


def test_expired_it_opens_nothing_and_the_house_puts_it_away(person: Person) -> None:
    answer = make(person).expect(201).json
    device = Device.objects.filter(hash=answer["device"])
    device.update(expires_at=timezone.now() - timedelta(seconds=1))
    expired = (401, "access_key_expired")
    assert exchange(answer["access_key"]).refusal == expired
    assert listed(person) == []
    housekeeping.sweep()
    assert as_device(person, answer["device"])["ended"] == "expired"
    assert exchange(answer["access_key"]).refusal == expired
    assert lifecycle.end_expired_devices() == 0


def test_once_expired_it_stays_so_when_the_clock_is_set_back(person: Person) -> None:
    answer = make(person).expect(201).json
    device = Device.objects.filter(hash=answer["device"])
    device.update(expires_at=timezone.now() - timedelta(seconds=1))
    housekeeping.sweep()
    device.update(expires_at=timezone.now() + timedelta(days=1))
    assert exchange(answer["access_key"]).refusal == (401, "access_key_expired")


def test_the_house_leaves_alone_what_lasts(person: Person) -> None:
    key = made(person)
    assert lifecycle.end_expired_devices() == 0
    Device.objects.filter(kind="access_key").update(last_seen_at=timezone.now() - timedelta(days=200))
    housekeeping.sweep()
    exchange(key).expect(200)


# --- What is written down --------------------------------------------------------------------------


def test_each_step_of_its_life_is_recorded_under_its_id(person: Person) -> None:
    before = len(rows_of(person))
    answer = make(person).expect(201).json
    key = answer["access_key"]
    exchange(key).expect(200)
    assert exchange(key, secret=b64url(bytes(32))).refusal == INVALID
    by_delete(person, answer).expect(204)
    assert exchange(key).refusal == (401, "device_revoked")
    rows = rows_of(person)[before:]
    assert [told(row) for row in rows] == [
        ("access_key_added", {"scopes": " ".join(SCOPES)}),
        ("access_key_used", {}),
        ("access_key_refused", {}),
        ("device_revoked", {"kind": "access_key"}),
        ("access_key_refused", {"why": "revoked"}),
    ]
    assert all(is_about(row, key["key_id"]) for row in rows if row.event != "device_revoked")
    assert is_from(rows[1], "203.0.113.5")


def test_an_unknown_id_stands_in_nobodys_chain_and_who_waits_writes_nothing(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "REFUSED_SECRETS", Limit("refused-secrets", 3, 900))
    key = made(person)
    before = len(rows_elsewhere())
    for _ in range(6):
        exchange(key, **_nobody(key))
    rows = rows_elsewhere()[before:]
    assert [told(row) for row in rows if row.event != "locked_out"] == [("access_key_refused", {})] * 3
    assert [told(row) for row in rows if row.event == "locked_out"] == [LOCKED_OUT]


@pytest.mark.parametrize("why", ["revoked", "expired"])
def test_an_ended_key_fills_no_audit_with_its_right_secret(
    person: Person, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr(throttle, "REFUSED_SECRETS", Limit("refused-secrets", 3, 900))
    answer = make(person).expect(201).json
    key = answer["access_key"]
    if why == "revoked":
        by_delete(person, answer).expect(204)
    else:
        Device.objects.filter(hash=answer["device"]).update(expires_at=timezone.now())
    before, elsewhere = len(rows_of(person)), len(rows_elsewhere())
    for _ in range(3):
        assert exchange(key).status == 401
    answers = [exchange(key).refusal for _ in range(3)]
    assert answers == [(429, "rate_limited")] * 3
    assert [told(row) for row in rows_of(person)[before:]] == [("access_key_refused", {"why": why})] * 3
    [row] = rows_elsewhere()[elsewhere:]
    assert told(row) == LOCKED_OUT
    assert is_from(row, "203.0.113.5")
    # It keeps out nobody who may.
    exchange(made(person)).expect(200)


def test_without_the_audit_no_key_is_made_and_none_is_exchanged(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = made(person)

    def fail(*args: object, **kwargs: object) -> None:
        raise AuditUnavailable

    monkeypatch.setattr(access_keys, "record", fail)
    assert make(person).refusal == (503, "audit_unavailable")
    assert AccessKey.objects.count() == Device.objects.filter(kind="access_key").count() == 1
    assert exchange(key).refusal == (503, "audit_unavailable")


# --- What it can never do --------------------------------------------------------------------------


def test_its_holder_cannot_make_log_in_or_refresh(person: Person) -> None:
    token = exchange(made(person)).json["access_token"]
    robot = Handset(person, "robot")
    shown = f"Bearer {token}"
    body = {"name": "more", "scopes": SCOPES, "password": person.password}
    assert robot.call("POST", "me/access-keys", body, authorization=shown).refusal == (
        403,
        "insufficient_scope",
    )
    assert robot.call("POST", "sessions/refresh", {}, authorization=shown).refusal == (
        401,
        "unknown_device_key",
    )
    assert AccessKey.objects.count() == 1


def test_a_changed_password_ends_no_access_key_and_says_so(person: Person) -> None:
    key = made(person)
    body = {"password": person.password, "new_password": "another password than that"}
    told = person.handset.call("POST", "me/password", body).expect(200).json
    assert told["warnings"] == ["access_keys_stay"]
    exchange(key).expect(200)
    person.handset.call("DELETE", f"me/access-keys/{key['key_id']}").expect(204)
    body = {"password": body["new_password"], "new_password": person.password}
    assert person.handset.call("POST", "me/password", body).expect(200).json["warnings"] == []
