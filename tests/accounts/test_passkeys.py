"""A passkey's life: removed, used twice at once, in the audit, under another password, after failures."""

import json
import threading
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from django.db import DatabaseError, connection

from accounts import passwords, throttle
from accounts.models import Account, Passkey
from accounts.throttle import Limit
from audit.events import Event
from audit.models import AuditRow
from audit.services import chain_of
from devices.models import Challenge, Device
from tests.accounts.passkeys import (
    CREDENTIALS,
    add,
    altered,
    creation_options,
    enter,
    keep,
    log_in,
    request_options,
)
from tests.people import Answer, DjangoWire, Person, b64url
from tests.webauthn import UP, Authenticator, cose_key

# --- Removing ----------------------------------------------------------------------------------------


def test_a_removed_passkey_logs_nobody_in_and_the_password_still_does(
    person: Person, authenticator: Authenticator
) -> None:
    phone = person.new_handset()
    options = request_options(phone)
    [listed] = person.handset.call("GET", "me/passkeys").expect(200).json["results"]
    person.handset.call("DELETE", f"me/passkeys/{listed['id']}").expect(204)
    assert person.handset.call("DELETE", f"me/passkeys/{listed['id']}").refusal == (404, "unknown_passkey")
    assert enter(phone, authenticator.get(options, origin=person.wire.origin)).refusal == CREDENTIALS
    assert person.handset.call("GET", "me/passkeys").expect(200).json["results"] == []
    phone.log_in().expect(200)
    add(person.handset, authenticator).expect(201)  # the credential id is free again


@pytest.mark.parametrize("name", ["x", "%00", "00000000-0000-0000-0000-000000000000", "{id}", "1"])
def test_a_passkey_that_there_is_not_is_not_removed(person: Person, name: str) -> None:
    assert person.handset.call("DELETE", f"me/passkeys/{name}").refusal == (404, "unknown_passkey")


def test_nobody_sees_or_removes_anothers_passkey(person: Person, authenticator: Authenticator) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)
    assert stranger.handset.call("GET", "me/passkeys").expect(200).json["results"] == []
    kept = Passkey.objects.get()
    assert stranger.handset.call("DELETE", f"me/passkeys/{kept.pk}").refusal == (404, "unknown_passkey")
    assert Passkey.objects.get() == kept


# --- At once -----------------------------------------------------------------------------------------


def _together(actions: list[Callable[[], Answer]]) -> list[Answer]:
    barrier, answers = threading.Barrier(len(actions)), list[Answer]()

    def act(action: Callable[[], Answer]) -> None:
        barrier.wait()
        try:
            answers.append(action())
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.django_db(transaction=True)
def test_an_assertion_sent_twice_at_once_enters_once() -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    authenticator = Authenticator(counts=False)
    add(person.handset, authenticator).expect(201)
    phone = person.new_handset()
    shown = authenticator.get(request_options(phone), origin=person.wire.origin)

    def attempt() -> Answer:
        copy = Person(DjangoWire(), person.username, key=person.key).new_handset(key=phone.key)
        copy.nonce = phone.nonce
        return enter(copy, shown)

    answers = _together([attempt] * 4)
    assert sorted(answer.status for answer in answers) == [200, 401, 401, 401]


@pytest.mark.django_db(transaction=True)
def test_of_two_copies_of_a_passkey_that_come_at_once_with_one_count_one_is_refused() -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    authenticator = Authenticator()
    add(person.handset, authenticator).expect(201)

    def attempt() -> Callable[[], Answer]:
        phone = Person(DjangoWire(), person.username, key=person.key).new_handset()
        options = request_options(phone)
        authenticator.counter = 5
        shown = authenticator.get(options, origin=person.wire.origin)
        return lambda: enter(phone, shown)

    answers = _together([attempt() for _ in range(3)])
    assert sorted(answer.status for answer in answers) == [200, 401, 401]


def test_what_is_stored_of_a_passkey_is_public(person: Person, authenticator: Authenticator) -> None:
    row = Passkey.objects.get()
    assert cbor2.loads(bytes(row.public_key)) == cose_key(authenticator.key)
    shown = json.dumps(person.handset.call("GET", "me/passkeys").json)
    assert b64url(authenticator.credential_id) not in shown


# --- The audit ---------------------------------------------------------------------------------------


def written(event: Event) -> list[tuple[str, dict[str, Any]]]:
    """Of each row of an event: its chain, and what it says."""
    rows = AuditRow.objects.filter(event=event).order_by("at")
    return [(row.chain, json.loads(row.details)) for row in rows]


def test_a_passkeys_life_is_in_the_accounts_chain(person: Person, authenticator: Authenticator) -> None:
    own = chain_of(person.id)
    log_in(person.handset, authenticator).expect(200)
    [listed] = person.handset.call("GET", "me/passkeys").expect(200).json["results"]
    person.handset.call("DELETE", f"me/passkeys/{listed['id']}").expect(204)
    assert written(Event.PASSKEY_ADDED) == [(own, {})]
    assert written(Event.PASSKEY_REMOVED) == [(own, {})]
    assert written(Event.LOGIN) == [(own, {"kind": "passkey", "state": "active"})]


def test_a_refused_login_is_written_where_it_belongs(person: Person, authenticator: Authenticator) -> None:
    phone, own = person.new_handset(), chain_of(person.id)
    log_in(phone, Authenticator(rp_id="localhost", user_handle=bytes(32)))
    [(chain, _)] = written(Event.LOGIN_REFUSED)
    assert chain.startswith("nobody:")
    log_in(phone, authenticator, flags=UP)
    authenticator.counter = 0
    log_in(phone, authenticator)
    assert written(Event.LOGIN_REFUSED)[1:] == [
        (own, {"kind": "passkey", "counter_fell_back": False}),
        (own, {"kind": "passkey", "counter_fell_back": True}),
    ]


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_written_down_does_not_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    authenticator = Authenticator()
    add(person.handset, authenticator).expect(201)
    phone = person.new_handset()
    good = authenticator.get(request_options(phone), origin=person.wire.origin)
    made = Authenticator().create(creation_options(person.handset), origin=person.wire.origin)
    [listed] = person.handset.call("GET", "me/passkeys").expect(200).json["results"]

    def fail(*args: object) -> None:
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr("audit.services.append", fail)
        answers = [
            enter(phone, altered("signature")(good)),
            enter(phone, good),
            keep(person.handset, made),
            person.handset.call("DELETE", f"me/passkeys/{listed['id']}"),
        ]
    assert [answer.refusal for answer in answers] == [(503, "audit_unavailable")] * 4
    assert not Device.objects.filter(key=phone.public).exists()
    assert Passkey.objects.count() == 1
    enter(phone, good).expect(200)
    keep(person.handset, made).expect(201)


def test_a_changed_password_ends_no_passkey_and_says_so(person: Person, authenticator: Authenticator) -> None:
    body = {"password": person.password, "new_password": "another password than that"}
    told = person.handset.call("POST", "me/password", body).expect(200).json
    assert told["warnings"] == ["passkeys_stay"]
    log_in(person.new_handset(), authenticator).expect(200)


def reset(person: Person, new: str) -> None:
    challenge = person.handset.call("POST", "password-reset", {"login": person.username}).json["challenge"]
    statement = person.key.sign(person.reset_statement(challenge))
    body = {"login": person.username, "challenge": challenge, "statement": statement, "password": new}
    person.handset.call("POST", "password-reset", body).expect(204)


def change(person: Person, new: str) -> None:
    body = {"password": person.password, "new_password": new}
    person.handset.call("POST", "me/password", body).expect(200)


@pytest.mark.parametrize("renew", [change, reset])
def test_a_passkey_that_was_begun_under_the_old_password_is_not_added(
    person: Person, renew: Callable[[Person, str], None]
) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)
    theirs = Authenticator().create(creation_options(stranger.handset), origin=person.wire.origin)
    made = Authenticator().create(creation_options(person.handset), origin=person.wire.origin)
    person.handset.ask_challenge("key").expect(200)
    renew(person, "another password than that")
    assert keep(person.handset, made).refusal == (422, "challenge_invalid")
    keep(stranger.handset, theirs).expect(201)
    assert Challenge.objects.filter(purpose="key").exists()
    person.password = "another password than that"
    add(person.handset, Authenticator()).expect(201)


def test_no_options_are_given_where_the_password_changes_once_it_is_confirmed(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm = passwords.confirm

    def confirm_and_change(*args: Any) -> None:
        confirm(*args)
        Account.objects.update(password="another hash")

    monkeypatch.setattr(passwords, "confirm", confirm_and_change)
    asked = person.handset.call("POST", "me/passkeys", {"password": person.password})
    assert asked.refusal == (403, "password_wrong")
    assert not Challenge.objects.filter(purpose="passkey_add").exists()


def test_who_fails_too_often_waits_and_a_right_passkey_never_does(
    person: Person, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "REFUSED_SECRETS", Limit("refused-secrets", 2, 900))

    def wrong() -> Answer:
        phone = person.new_handset()
        good = authenticator.get(request_options(phone), origin=person.wire.origin)
        return enter(phone, altered("signature", 0)(good))

    for _ in range(2):
        assert wrong().refusal == CREDENTIALS
    waiting = wrong()
    assert waiting.refusal == (429, "rate_limited")
    assert int(waiting.headers["retry-after"]) > 0
    log_in(person.new_handset(), authenticator).expect(200)
