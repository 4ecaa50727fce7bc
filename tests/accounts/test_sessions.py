"""Logging in, refreshing, activating: what a device is before and after (PROTOCOL §3)."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.utils import timezone

from devices import presence, state
from devices.models import Device, DeviceState
from devices.protocol.device_hash import DeviceHash
from tests.openpgp import SIGN, ed25519_part, make_key
from tests.people import (
    CERTIFICATE,
    REVOCATION,
    Answer,
    DjangoWire,
    Handset,
    Person,
    claims_of,
    device_hash,
    from_b64url,
)

CREDENTIALS = (401, "invalid_credentials")


# --- Logging in ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "login",
    [
        "nobody",
        "nobody@mail.example",
        "admin",
        "",
        " ",
        "@",
        "a" * 254,
        "%",
        "nobody@",
        "nöbody",
        "a b c",
    ],
)
def test_an_unknown_login_is_refused_as_a_wrong_password_is(person: Person, login: str) -> None:
    wrong = person.new_handset().log_in(password="not the password")
    unknown = person.new_handset().log_in(login=login)
    if login.strip():
        assert wrong.refusal == CREDENTIALS
        assert (unknown.status, unknown.json) == (wrong.status, wrong.json)
        assert unknown.headers.keys() == wrong.headers.keys()
    else:
        assert unknown.refusal == (422, "invalid_fields")


@pytest.mark.parametrize("password", ["x", " ", "correct", "x" * 1024])
def test_a_wrong_password_is_refused(person: Person, password: str) -> None:
    assert person.new_handset().log_in(password=password).refusal == CREDENTIALS
    assert person.handset.log_in(password=password).refusal == CREDENTIALS
    assert Device.objects.count() == 1


def test_a_device_key_of_another_account_is_refused(person: Person) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)
    pending = stranger.new_handset()
    pending.log_in().expect(200)
    for handset in (stranger.handset, pending):
        mine = person.new_handset(key=handset.key)
        assert mine.log_in().refusal == (409, "device_key_in_use")
    stranger.handset.call("GET", "me").expect(200)


def test_an_ended_device_key_is_refused_everywhere_and_for_ever(person: Person) -> None:
    phone = person.certified_handset()
    person.handset.revoke(phone).expect(200)
    stranger = Person(person.wire)
    stranger.register().expect(201)
    theirs = stranger.new_handset(key=phone.key)
    refusals = [
        phone.log_in(),
        phone.refresh(),
        phone.call("GET", "me"),
        phone.call("POST", "sessions/logout", {}),
        phone.ask_challenge("key"),
        phone.activate(),
        theirs.log_in(),
    ]
    assert [answer.refusal for answer in refusals] == [(401, "device_revoked")] * len(refusals)


def test_a_device_logs_in_by_name_or_address_in_any_spelling(person: Person) -> None:
    for login in (
        person.username,
        person.username.upper(),
        f" {person.username} ",
        person.email,
        person.email.upper(),
    ):
        told = person.new_handset().log_in(login=login).expect(200).json
        assert told["account"]["username"] == person.username


def test_a_new_device_is_pending_and_is_told_its_challenge_and_whom_it_may_ask(person: Person) -> None:
    phone = person.new_handset("phone")
    told = phone.log_in().expect(200).json
    assert told.keys() == {
        "state", "account", "device", "access_token", "token_type", "expires_in", "challenge", "devices",
    }  # fmt: skip
    assert told["state"] == "pending"
    assert told["account"] == {
        "id": person.id,
        "username": person.username,
        "account": person.account,
        "fingerprint": person.key.fingerprint,
    }
    assert claims_of(told["access_token"])["scope"] == "pending"
    expected = device_hash(person.account, phone.public, from_b64url(told["challenge"]))
    assert told["device"] == expected == claims_of(told["access_token"])["device"]
    [shown] = told["devices"]
    assert shown.keys() == {"device", "name", "platform", "last_seen_at", "online"}
    assert (shown["device"], shown["name"], shown["online"]) == (person.handset.hash, "first", False)


async def _arrive(device: str) -> int:
    return await presence.arrive(DeviceHash(device))


def test_a_device_with_an_open_socket_is_shown_as_online(person: Person) -> None:
    async_to_sync(_arrive)(person.handset.hash)
    [shown] = person.new_handset().log_in().expect(200).json["devices"]
    assert shown["online"] is True


def test_only_active_devices_are_shown_to_a_new_one(person: Person) -> None:
    ended = person.certified_handset("ended")
    person.handset.revoke(ended).expect(200)
    person.new_handset("pending").log_in().expect(200)
    shown = person.new_handset().log_in().expect(200).json["devices"]
    assert [device["name"] for device in shown] == ["first"]


def test_a_device_that_is_known_and_active_is_active_at_once(person: Person) -> None:
    told = person.handset.log_in().expect(200).json
    assert (told["state"], told["device"]) == ("active", person.handset.hash)
    assert claims_of(told["access_token"])["scope"] == "full"
    assert told["account"]["id"] == person.id
    assert not {"challenge", "devices"} & told.keys()


def test_who_knows_the_password_alone_stays_pending(person: Person) -> None:
    thief = person.new_handset()
    thief.log_in().expect(200)
    assert thief.call("GET", "me").refusal == (403, "device_pending")
    assert thief.activate(make_key().sign(thief.statement().text(CERTIFICATE))).refusal == (
        422,
        "certificate_invalid",
    )
    assert thief.refresh().json["state"] == "pending"


# --- Logging in again ------------------------------------------------------------------------------


def test_a_pending_device_that_logs_in_again_has_another_hash_and_the_older_one_is_dead(
    person: Person,
) -> None:
    phone = person.new_handset()
    phone.log_in().expect(200)
    older, token, certificate = phone.hash, phone.token, phone.certificate()
    # The worker holds for 0.8 s that the older hash is pending, unless it is told otherwise.
    phone.call("GET", "me").expect(403)
    phone.log_in().expect(200)
    assert phone.hash != older
    assert phone.call("POST", "sessions/logout", {}, token=token).refusal == (401, "invalid_token")
    assert phone.activate(certificate).refusal == (422, "certificate_invalid")
    assert not Device.objects.filter(hash=older).exists()
    phone.activate().expect(200)


def test_the_older_hash_is_told_that_it_was_replaced(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "devices.services.lifecycle.push", lambda device, message: told.append((device, message["type"]))
    )
    phone = person.new_handset()
    phone.log_in().expect(200)
    older = phone.hash
    phone.log_in().expect(200)
    assert told == [(older, "device.replaced")]


def test_a_token_of_an_older_hash_is_dead_even_where_the_worker_has_not_heard_of_it(person: Person) -> None:
    phone = person.new_handset()
    phone.log_in().expect(200)
    token, certificate = phone.token, phone.certificate()
    held = state.standing(DeviceHash(phone.hash))
    phone.log_in().expect(200)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "standing", lambda device: held)
        for path, body in (("sessions/logout", {}), ("sessions/activate", {"certificate": certificate})):
            assert phone.call("POST", path, body, token=token).refusal == (401, "invalid_token")


# --- Refreshing ------------------------------------------------------------------------------------


def test_a_key_that_no_device_has_is_refused(person: Person) -> None:
    assert person.new_handset().refresh().refusal == (401, "unknown_device_key")


def test_a_proof_alone_brings_a_new_token_of_the_devices_own_state(person: Person) -> None:
    phone = person.new_handset()
    phone.log_in().expect(200)
    challenge = phone.challenge
    for handset, standing, scope in ((person.handset, "active", "full"), (phone, "pending", "pending")):
        before = handset.token
        told = handset.refresh().expect(200).json
        assert told["state"] == standing
        assert told["device"] == handset.hash
        assert told["access_token"] != before
        assert claims_of(told["access_token"])["scope"] == scope
    assert phone.challenge == challenge


def test_refreshing_asks_for_no_password_hash(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> bool:
        raise AssertionError("a password was hashed")

    monkeypatch.setattr("accounts.passwords.check_password", fail)
    person.handset.refresh().expect(200)


# --- Activation ------------------------------------------------------------------------------------


@pytest.fixture
def pending(person: Person) -> Handset:
    """A device of the person's that has logged in and is not certified."""
    phone = person.new_handset("phone")
    phone.log_in().expect(200)
    return phone


SUBKEY = ed25519_part(1_700_000_000)

WRONG: dict[str, Callable[[Handset], str]] = {
    "junk": lambda phone: "junk",
    "another key's": lambda phone: phone.certificate(key=make_key()),
    "another device's": lambda phone: phone.person.handset.certificate(),
    "a revocation": lambda phone: phone.person.key.sign(phone.statement().text(REVOCATION)),
    "of another challenge": lambda phone: phone.person.key.sign(
        phone.statement(phone.person.handset.challenge).text(CERTIFICATE)
    ),
    "eleven minutes old": lambda phone: phone.person.key.sign(
        phone.statement().text(CERTIFICATE), created=int(timezone.now().timestamp()) - 660
    ),
    "by SHA-1": lambda phone: phone.person.key.sign(phone.statement().text(CERTIFICATE), algorithm=2),
    "of a text document": lambda phone: phone.person.key.sign(phone.statement().text(CERTIFICATE), kind=1),
    "by a subkey": lambda phone: phone.person.key.sign(phone.statement().text(CERTIFICATE), by=SUBKEY),
    "with a line feed": lambda phone: phone.person.key.sign(phone.statement().text(CERTIFICATE) + "\n"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_certificate_is_refused_that_is(pending: Handset, fault: str) -> None:
    assert pending.activate(WRONG[fault](pending)).refusal == (422, "certificate_invalid")
    assert Device.objects.get(hash=pending.hash).state == DeviceState.PENDING
    pending.activate().expect(200)


def test_a_certificate_by_a_signing_subkey_of_the_account_key_is_refused(wire: DjangoWire) -> None:
    key = make_key()
    subkey = ed25519_part(key.primary.created)
    person = Person(wire, key=key.with_subkey(subkey, flags=SIGN))
    person.register().expect(201)
    phone = person.new_handset()
    phone.log_in().expect(200)
    made = person.key.sign(phone.statement().text(CERTIFICATE), by=subkey)
    assert phone.activate(made).refusal == (422, "certificate_invalid")


def test_a_certificate_serves_once_and_an_active_device_needs_none(pending: Handset) -> None:
    certificate = pending.certificate()
    pending.activate(certificate).expect(200)
    assert pending.activate(certificate).refusal == (422, "challenge_invalid")
    assert pending.person.handset.activate().refusal == (422, "challenge_invalid")


def test_after_an_hour_the_challenge_is_spent(pending: Handset) -> None:
    certificate = pending.certificate()
    Device.objects.filter(hash=pending.hash).update(
        challenge_expires_at=timezone.now() - timedelta(seconds=1)
    )
    assert pending.activate(certificate).refusal == (422, "challenge_invalid")


def test_one_device_cannot_activate_another(pending: Handset, person: Person) -> None:
    other = person.new_handset("other")
    other.log_in().expect(200)
    assert other.activate(pending.certificate()).refusal == (422, "certificate_invalid")
    assert person.handset.activate(pending.certificate()).refusal == (422, "challenge_invalid")


def test_a_certified_device_is_active_and_gets_a_full_token(pending: Handset, person: Person) -> None:
    hash_before = pending.hash
    told = pending.activate().expect(200).json
    assert (told["state"], told["device"]) == ("active", hash_before)
    assert claims_of(told["access_token"])["scope"] == "full"
    pending.call("GET", "me").expect(200)
    listed = person.handset.call("GET", f"devices/{pending.hash}").expect(200).json
    assert listed["state"] == "active"
    assert listed["certified_at"] is not None


def test_a_pending_token_stays_pending_after_the_activation(pending: Handset) -> None:
    older = pending.token
    pending.activate().expect(200)
    assert pending.call("GET", "me", token=older).refusal == (403, "device_pending")


@pytest.mark.django_db(transaction=True)
def test_a_certificate_sent_twice_at_once_activates_once() -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    phone = person.new_handset()
    phone.log_in().expect(200)
    body: dict[str, Any] = {"certificate": phone.certificate()}
    together, answers = threading.Barrier(4), list[Answer]()

    def activate() -> None:
        copy = Person(DjangoWire(), person.username, key=person.key).new_handset(key=phone.key)
        copy.token, copy.nonce = phone.token, phone.nonce
        together.wait()
        try:
            answers.append(copy.call("POST", "sessions/activate", body))
        finally:
            connection.close()

    threads = [threading.Thread(target=activate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200, 422, 422, 422]
    assert {answer.code for answer in answers if answer.status != 200} == {"challenge_invalid"}


@pytest.mark.django_db(transaction=True)
def test_a_new_device_that_logs_in_several_times_at_once_is_one_device() -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    phone = person.new_handset()
    phone.call("GET", "instance")
    together, answers = threading.Barrier(4), list[Answer]()

    def log_in() -> None:
        copy = Person(DjangoWire(), person.username, password=person.password).new_handset(key=phone.key)
        copy.nonce = phone.nonce
        together.wait()
        try:
            answers.append(copy.log_in())
        finally:
            connection.close()

    threads = [threading.Thread(target=log_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [200] * 4
    row = Device.objects.get(key=phone.public)
    [last] = [answer for answer in answers if answer.json["device"] == row.hash]
    phone.remember(last)
    phone.activate().expect(200)
