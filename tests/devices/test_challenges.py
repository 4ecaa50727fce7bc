"""Challenges: for one purpose, account, asking key and named device; spent by success alone."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction
from django.utils import timezone

from devices.errors import ChallengeInvalid
from devices.models import Challenge, Device, Purpose
from devices.services import challenges
from tests.people import DjangoWire, Person, device_hash, from_b64url, make_proof

ACCOUNT, KEY, DEVICE = "alice@example.org", bytes(range(32)), "d" * 43
GIVEN: dict[str, Any] = {"purpose": Purpose.REVOKE, "account": ACCOUNT, "device_key": KEY, "device": DEVICE}


def give(**changes: Any) -> bytes:
    return challenges.give_challenge(**{**GIVEN, **changes})


def spend(challenge: bytes, **changes: Any) -> None:
    with transaction.atomic():
        challenges.spend_challenge(challenge, **{**GIVEN, **changes})


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": Purpose.KEY},
        {"purpose": Purpose.REGISTER},
        {"purpose": Purpose.PASSWORD_RESET},
        {"account": "alice@example.net"},
        {"account": ""},
        {"device_key": bytes(32)},
        {"device_key": b""},
        {"device": "e" * 43},
        {"device": ""},
    ],
    ids=lambda changes: "-".join(f"{name}={value!r:.12}" for name, value in changes.items()),
)
def test_a_challenge_serves_nothing_but_what_it_was_given_for(changes: dict[str, Any]) -> None:
    challenge = give()
    with pytest.raises(ChallengeInvalid):
        spend(challenge, **changes)
    spend(challenge)


@pytest.mark.django_db
def test_a_challenge_that_was_never_given_is_refused() -> None:
    give()
    for challenge in (bytes(32), b"", bytes(33)):
        with pytest.raises(ChallengeInvalid):
            spend(challenge)


@pytest.mark.django_db
def test_a_challenge_is_spent_once() -> None:
    challenge = give()
    spend(challenge)
    with pytest.raises(ChallengeInvalid):
        spend(challenge)


@pytest.mark.django_db
def test_what_fails_afterwards_gives_the_challenge_back() -> None:
    challenge = give()
    with transaction.atomic():
        challenges.spend_challenge(challenge, **GIVEN)
        transaction.set_rollback(True)
    spend(challenge)


@pytest.mark.django_db
def test_a_challenge_lives_for_300_seconds() -> None:
    before = timezone.now()
    challenge = give()
    row = Challenge.objects.get()
    assert timedelta(seconds=300) <= row.expires_at - before < timedelta(seconds=305)
    Challenge.objects.update(expires_at=timezone.now())
    with pytest.raises(ChallengeInvalid):
        spend(challenge)


@pytest.mark.django_db
def test_expired_challenges_are_forgotten_and_living_ones_kept() -> None:
    give(account="expired@example.org")
    Challenge.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    living = give()
    assert challenges.forget_expired_challenges() == 1
    spend(living)


@pytest.mark.django_db
def test_one_device_holds_five_open_challenges_and_pushes_out_nobody_elses() -> None:
    others = give(device_key=bytes(32))
    own = [give() for _ in range(6)]
    with pytest.raises(ChallengeInvalid):
        spend(own[0])
    for challenge in own[1:]:
        spend(challenge)
    spend(others, device_key=bytes(32))


@pytest.mark.django_db
def test_what_no_device_asked_for_is_not_pushed_out_by_strangers() -> None:
    reset: dict[str, Any] = {"purpose": Purpose.PASSWORD_RESET, "device_key": b"", "device": ""}
    first = give(**reset)
    for _ in range(20):
        give(**reset)
    spend(first, **reset)


@pytest.mark.django_db
def test_every_challenge_is_32_bytes_and_new() -> None:
    given = {give(device_key=bytes([number] * 32)) for number in range(8)}
    assert len(given) == 8
    assert {len(challenge) for challenge in given} == {32}


@pytest.mark.django_db(transaction=True)
def test_no_challenge_is_spent_outside_of_a_transaction() -> None:
    challenge = give()
    with pytest.raises(RuntimeError):
        challenges.spend_challenge(challenge, **GIVEN)
    spend(challenge)


@pytest.mark.django_db(transaction=True)
def test_of_many_that_spend_one_challenge_at_once_one_succeeds() -> None:
    challenge = give()
    together, outcomes = threading.Barrier(6), []

    def try_it() -> None:
        together.wait()
        try:
            spend(challenge)
            outcomes.append("spent")
        except ChallengeInvalid:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=try_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 5 + ["spent"]


# --- POST challenges ------------------------------------------------------------------------------


def test_a_challenge_to_register_tells_hash_account_and_origin(wire: DjangoWire) -> None:
    somebody = Person(wire)
    handset = somebody.handset
    answer = handset.ask_challenge("register", username=somebody.username).expect(200).json
    challenge = from_b64url(answer["challenge"])
    assert answer["account"] == somebody.account
    assert answer["origin"] == wire.origin
    assert answer["expires_in"] == 300
    assert len(challenge) == 32
    assert answer["device"] == device_hash(somebody.account, handset.public, challenge)


def test_a_challenge_to_revoke_names_the_device_and_any_other_the_asking_one(person: Person) -> None:
    phone = person.certified_handset()
    revoke = person.handset.ask_challenge("revoke", device=phone.hash).expect(200).json
    key = person.handset.ask_challenge("key").expect(200).json
    assert (revoke["device"], revoke["account"]) == (phone.hash, person.account)
    assert (key["device"], key["account"]) == (person.handset.hash, person.account)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"purpose": "register"}, "username"),
        ({"purpose": "register", "username": "Alice"}, "username"),
        ({"purpose": "register", "username": "al ice"}, "username"),
        ({"purpose": "register", "username": "a" * 31}, "username"),
        ({"purpose": "register", "username": ""}, "username"),
        ({"purpose": "register", "username": "älice"}, "username"),
        ({"purpose": "register", "username": "alice\n.b"}, "username"),
        ({"purpose": "register", "username": None}, "username"),
        ({"purpose": "register", "username": 7}, "username"),
        ({"purpose": "revoke"}, "device"),
        ({"purpose": "revoke", "device": "short"}, "device"),
        ({"purpose": "revoke", "device": None}, "device"),
        ({"purpose": "password_reset"}, "purpose"),
        ({"purpose": "login"}, "purpose"),
        ({"purpose": None}, "purpose"),
        ({"purpose": ["register"]}, "purpose"),
        ({}, "purpose"),
    ],
)
def test_a_challenge_is_refused_for(person: Person, body: dict[str, Any], field: str) -> None:
    answer = person.handset.call("POST", "challenges", body)
    assert answer.refusal == (422, "invalid_fields")
    assert field in answer.json["errors"]


@pytest.mark.parametrize("purpose", ["revoke", "key"])
def test_a_challenge_for_an_account_needs_its_token(person: Person, purpose: str) -> None:
    body = {"purpose": purpose, "device": person.handset.hash}
    answer = person.handset.call("POST", "challenges", body, authorization=False)
    assert answer.refusal == (401, "not_authenticated")
    phone = person.new_handset()
    phone.log_in().expect(200)
    assert phone.call("POST", "challenges", body).refusal == (403, "device_pending")


def test_no_challenge_is_given_to_revoke_another_accounts_device(person: Person) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)
    answer = person.handset.ask_challenge("revoke", device=stranger.handset.hash)
    assert answer.refusal == (404, "unknown_device")


def test_a_taken_or_reserved_name_gets_no_challenge(person: Person) -> None:
    for name in (person.username, "admin", "root", "hvx"):
        handset = Person(person.wire).handset
        assert handset.ask_challenge("register", username=name).refusal == (409, "username_taken")


def test_a_key_that_has_an_account_gets_no_challenge_to_register(person: Person) -> None:
    answer = person.handset.ask_challenge("register", username="somebody_else")
    assert answer.refusal == (409, "device_key_in_use")


def test_a_key_that_has_ended_gets_no_challenge_to_register(person: Person) -> None:
    phone = person.certified_handset()
    person.handset.revoke(phone).expect(200)
    assert phone.ask_challenge("register", username="somebody_else").refusal == (401, "device_revoked")


# --- The challenge of a pending device ------------------------------------------------------------


def test_a_pending_devices_challenge_lives_for_an_hour(person: Person) -> None:
    phone = person.new_handset()
    phone.log_in().expect(200)
    row = Device.objects.get(hash=phone.hash)
    assert row.challenge_expires_at is not None
    left = row.challenge_expires_at - timezone.now()
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    Device.objects.filter(pk=row.pk).update(challenge_expires_at=timezone.now())
    assert phone.activate().refusal == (422, "challenge_invalid")
    phone.log_in().expect(200)
    phone.activate().expect(200)


def test_a_challenge_is_of_no_use_to_another_key(wire: DjangoWire) -> None:
    somebody, thief = Person(wire), Ed25519PrivateKey.generate()
    body = somebody.registration()
    somebody.handset.key = thief
    proof = make_proof(thief, "POST", wire.origin + "/api/hvx/v1/accounts", nonce=somebody.handset.nonce)
    # The certificate names the first key, so it does not hold for the thief's.
    answer = somebody.handset.call("POST", "accounts", body, proof=proof)
    assert answer.refusal == (422, "certificate_invalid")
    somebody.handset.public = thief.public_key().public_bytes_raw()
    somebody.handset.hash = device_hash(
        somebody.account, somebody.handset.public, from_b64url(body["challenge"])
    )
    body["certificate"] = somebody.handset.certificate()
    assert somebody.handset.call("POST", "accounts", body).refusal == (422, "challenge_invalid")
