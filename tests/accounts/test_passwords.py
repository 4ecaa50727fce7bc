"""`me/password` and `password-reset`: who may set a password, and what nobody learns by it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import get_hasher, identify_hasher
from django.utils import timezone

from accounts import openpgp, passwords, throttle
from accounts.models import Account
from devices.models import Challenge
from tests.openpgp import make_key
from tests.people import Answer, DjangoWire, Handset, Person, b64url

NEW = "a password that is new here"


def opens(person: Person, password: str) -> bool:
    return person.new_handset().log_in(password=password).status == 200


# --- me/password ---------------------------------------------------------------------------------


def test_the_password_of_today_must_be_known(person: Person) -> None:
    body = {"password": "wrong", "new_password": NEW}
    assert person.handset.call("POST", "me/password", body).refusal == (403, "password_wrong")
    assert opens(person, person.password)
    assert not opens(person, NEW)


@pytest.mark.parametrize("new", ["", "short", "1234567890", "password1234", "x" * 1025, None, 7])
def test_a_new_password_is_refused(person: Person, new: object) -> None:
    body = {"password": person.password, "new_password": new}
    answer = person.handset.call("POST", "me/password", body)
    assert answer.refusal == (422, "invalid_fields")
    assert list(answer.json["errors"]) == ["new_password"]
    assert opens(person, person.password)


def test_a_change_ends_no_device_and_names_the_others_to_be_revoked(person: Person) -> None:
    body = {"password": person.password, "new_password": NEW}
    assert person.handset.call("POST", "me/password", body).expect(200).json == {
        "warnings": [],
        "devices": [],
    }
    phone = person.new_handset("phone")
    phone.log_in(password=NEW).expect(200)
    phone.activate().expect(200)
    told = person.handset.call("POST", "me/password", {"password": NEW, "new_password": NEW + "."}).json
    assert told["warnings"] == ["other_devices_stay_signed_in"]
    assert [device["device"] for device in told["devices"]] == [phone.hash]
    phone.call("GET", "me").expect(200)
    assert opens(person, NEW + ".")
    assert not opens(person, NEW)


def test_a_change_does_not_undo_a_reset_that_came_between(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = passwords.hashed

    def hash_and_reset(new: str, **how: Any) -> str:
        with monkeypatch.context() as patch:
            patch.setattr(passwords, "hashed", hashed)
            reset(person, challenge_of(person)).expect(204)
        return hashed(new, **how)

    monkeypatch.setattr(passwords, "hashed", hash_and_reset)
    body = {"password": person.password, "new_password": "the thief's own password"}
    assert person.handset.call("POST", "me/password", body).refusal == (403, "password_wrong")
    assert opens(person, NEW)
    assert not opens(person, "the thief's own password")


def test_passwords_are_kept_as_argon2id(person: Person) -> None:
    encoded = Account.objects.get().password
    assert encoded.startswith("argon2$argon2id$")
    assert identify_hasher(encoded).algorithm == "argon2"
    assert get_hasher().algorithm == "argon2"


# --- password-reset ------------------------------------------------------------------------------


def ask(wire: DjangoWire, login: str) -> Answer:
    return Handset(Person(wire), "anybody").call("POST", "password-reset", {"login": login})


def reset(person: Person, challenge: str, **overrides: Any) -> Answer:
    """By anybody who holds the account key, from a device that nobody knows."""
    body = {
        "login": person.username,
        "challenge": challenge,
        "statement": person.key.sign(person.reset_statement(challenge)),
        "password": NEW,
    } | overrides
    return person.new_handset().call("POST", "password-reset", body)


def challenge_of(person: Person) -> str:
    return str(ask(DjangoWire(), person.username).expect(202).json["challenge"])


@pytest.mark.parametrize("login", ["nobody", "nobody@mail.example", "NOBODY", "%", "@"])
def test_whoever_asks_is_answered_alike_whether_there_is_an_account_or_not(
    person: Person, login: str
) -> None:
    wire = DjangoWire()
    known, unknown = ask(wire, person.username), ask(wire, login)
    assert known.status == unknown.status == 202
    assert known.json.keys() == unknown.json.keys() == {"challenge", "expires_in"}
    assert known.json["expires_in"] == unknown.json["expires_in"] == 300
    assert len(known.json["challenge"]) == len(unknown.json["challenge"]) == 43
    assert known.headers.keys() == unknown.headers.keys()


def test_a_challenge_for_nobody_is_refused_as_any_other_fault_is(person: Person) -> None:
    nobody = ask(DjangoWire(), "nobody").json["challenge"]
    unknown = reset(person, nobody, login="nobody")
    wrong = reset(person, nobody)
    assert unknown.refusal == wrong.refusal == (422, "challenge_invalid")
    assert unknown.json == wrong.json


WRONG: dict[str, Callable[[Person, str], str]] = {
    "by another key": lambda person, challenge: make_key().sign(person.reset_statement(challenge)),
    "for another account": lambda person, challenge: person.key.sign(
        person.reset_statement(challenge).replace(person.account, "x@localhost:8000")
    ),
    "with another challenge": lambda person, challenge: person.key.sign(
        person.reset_statement(b64url(bytes(32)))
    ),
    "under another heading": lambda person, challenge: person.key.sign(
        person.reset_statement(challenge).replace("password-reset", "device-certificate")
    ),
    "with a line feed at the end": lambda person, challenge: person.key.sign(
        person.reset_statement(challenge) + "\n"
    ),
    "of a text document": lambda person, challenge: person.key.sign(
        person.reset_statement(challenge), kind=1
    ),
    "eleven minutes old": lambda person, challenge: person.key.sign(
        person.reset_statement(challenge), created=int(timezone.now().timestamp()) - 660
    ),
    "that is a certificate": lambda person, challenge: person.handset.certificate(),
    "that is junk": lambda person, challenge: "junk",
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_statement_is_refused(person: Person, fault: str) -> None:
    challenge = challenge_of(person)
    answer = reset(person, challenge, statement=WRONG[fault](person, challenge))
    assert answer.refusal == (422, "challenge_invalid")
    assert opens(person, person.password)
    reset(person, challenge).expect(204)


def test_a_statement_for_nobody_is_verified_like_anybodys(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[int] = []
    verify = openpgp.verify

    def counting(*args: Any, **kwargs: Any) -> Any:
        verified.append(len(args))
        return verify(*args, **kwargs)

    monkeypatch.setattr(openpgp, "verify", counting)
    challenge = ask(DjangoWire(), "nobody").json["challenge"]
    assert reset(person, challenge, login="nobody").refusal == (422, "challenge_invalid")
    assert len(verified) == 1


def test_a_network_that_is_refused_too_often_has_to_wait(person: Person) -> None:
    challenge = challenge_of(person)
    for _ in range(throttle.REFUSED_RESETS.most):
        assert reset(person, challenge, statement="junk").status == 422
    answer = reset(person, challenge, login="nobody")
    assert answer.refusal == (429, "rate_limited")
    assert int(answer.headers["retry-after"]) > 0
    elsewhere = DjangoWire("192.0.2.9")
    person.wire = elsewhere
    reset(person, challenge).expect(204)


def test_anothers_challenge_is_refused(person: Person) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)
    assert reset(person, challenge_of(stranger)).refusal == (422, "challenge_invalid")
    key_challenge = person.handset.ask_challenge("key").json["challenge"]
    assert reset(person, key_challenge).refusal == (422, "challenge_invalid")


def test_a_challenge_serves_once_and_for_300_seconds(person: Person) -> None:
    challenge = challenge_of(person)
    reset(person, challenge).expect(204)
    assert reset(person, challenge).refusal == (422, "challenge_invalid")
    other = challenge_of(person)
    Challenge.objects.update(expires_at=timezone.now())
    assert reset(person, other).refusal == (422, "challenge_invalid")


@pytest.mark.parametrize("missing", ["challenge", "statement", "password"])
def test_the_three_members_go_together(person: Person, missing: str) -> None:
    challenge = challenge_of(person)
    body = {
        "login": person.username,
        "challenge": challenge,
        "statement": person.key.sign(person.reset_statement(challenge)),
        "password": NEW,
    }
    answer = person.handset.call("POST", "password-reset", {k: v for k, v in body.items() if k != missing})
    assert answer.refusal == (422, "invalid_fields")
    assert list(answer.json["errors"]) == [missing]


def test_a_weak_password_is_refused_alike_for_everybody_and_spends_nothing(person: Person) -> None:
    challenge = challenge_of(person)
    known, unknown = (
        reset(person, challenge, password="short"),
        reset(person, challenge, login="nobody", password="short"),
    )
    assert known.refusal == unknown.refusal == (422, "invalid_fields")
    assert known.json == unknown.json
    reset(person, challenge).expect(204)


@pytest.mark.parametrize("by", ["username", "email"])
def test_the_account_key_sets_a_new_password_and_ends_no_device(person: Person, by: str) -> None:
    login = getattr(person, by)
    challenge = str(ask(DjangoWire(), login.upper()).json["challenge"])
    reset(person, challenge, login=login).expect(204)
    assert opens(person, NEW)
    assert not opens(person, person.password)
    person.handset.call("GET", "me").expect(200)


def test_after_a_change_of_the_key_the_old_key_resets_nothing(person: Person) -> None:
    new = make_key()
    asked = person.handset.ask_challenge("key").json["challenge"]
    body = {
        "password": person.password,
        "public_key": new.public,
        "challenge": asked,
        "transition": person.transition(new, asked),
        "devices": [],
    }
    person.handset.call("POST", "me/key", body).expect(200)
    challenge = challenge_of(person)
    assert reset(person, challenge).refusal == (422, "challenge_invalid")
    person.key = new
    reset(person, challenge).expect(204)
