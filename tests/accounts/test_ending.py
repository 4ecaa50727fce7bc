"""Logging out and revoking: how a device ends, who may end it, and what is left of it."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts import openpgp
from accounts.models import Account
from devices import ports
from devices import state as standings
from devices.models import Challenge, Device
from devices.protocol.device_hash import DeviceHash
from tests.api.apps import app_token
from tests.openpgp import OpenPGPKey, make_key
from tests.people import CERTIFICATE, REVOCATION, Answer, DjangoWire, Handset, Person, b64url, claims_of

LAST = (409, "last_device")


def state(handset: Handset) -> str:
    return Device.objects.get(hash=handset.hash).state


@pytest.fixture
def phone(person: Person) -> Handset:
    """The person's second device, certified."""
    return person.certified_handset("phone")


# --- Revocations that do not hold ----------------------------------------------------------------


def signed(
    handset: Handset,
    other: Handset,
    heading: str = REVOCATION,
    by: OpenPGPKey | None = None,
    **changes: Any,
) -> dict[str, str]:
    """A revocation of `other` asked for by `handset`, with these members of the statement changed."""
    challenge = handset.ask_challenge("revoke", device=other.hash).expect(200).json["challenge"]
    statement = other.statement(challenge)
    text = type(statement)(**{**vars(statement), **changes}).text(heading)
    return {"challenge": challenge, "revocation": (by or handset.person.key).sign(text)}


WRONG: dict[str, Callable[[Handset, Handset], dict[str, str]]] = {
    "under the heading of a certificate": lambda me, it: signed(me, it, CERTIFICATE),
    "for another device": lambda me, it: signed(me, it, device=me.hash),
    "for another device key": lambda me, it: signed(me, it, device_key=me.public),
    "for another account": lambda me, it: signed(me, it, account="x@localhost:8000"),
    "for another origin": lambda me, it: signed(me, it, origin="https://example.net"),
    "with the certificate's challenge": lambda me, it: signed(me, it, challenge=it.challenge),
    "by another key": lambda me, it: signed(me, it, by=make_key()),
    "that is junk": lambda me, it: signed(me, it) | {"revocation": "junk"},
    "that is its certificate": lambda me, it: signed(me, it) | {"revocation": it.certificate()},
    "eleven minutes old": lambda me, it: _old(me, it),
}


def _old(handset: Handset, other: Handset) -> dict[str, str]:
    challenge = handset.ask_challenge("revoke", device=other.hash).expect(200).json["challenge"]
    text = other.statement(challenge).text(REVOCATION)
    made = handset.person.key.sign(text, created=int(timezone.now().timestamp()) - 660)
    return {"challenge": challenge, "revocation": made}


@pytest.mark.parametrize("fault", WRONG)
def test_a_revocation_is_refused(person: Person, phone: Handset, fault: str) -> None:
    body = WRONG[fault](person.handset, phone)
    answer = person.handset.call("POST", f"devices/{phone.hash}/revoke", body)
    assert answer.refusal == (422, "revocation_invalid")
    assert state(phone) == "active"
    assert Challenge.objects.count() == 1


def test_a_revocation_is_refused_without_its_challenge_or_statement(person: Person, phone: Handset) -> None:
    whole, path = person.handset.revocation(phone), f"devices/{phone.hash}/revoke"
    for name in whole:
        answer = person.handset.call("POST", path, {name: whole[name]})
        assert answer.refusal == (422, "invalid_fields")
    assert person.handset.call("POST", path, {}).refusal == (422, "revocation_invalid")
    assert state(phone) == "active"


def test_a_challenge_that_was_given_for_another_device_is_refused(person: Person, phone: Handset) -> None:
    tablet = person.certified_handset("tablet")
    challenge = person.handset.ask_challenge("revoke", device=tablet.hash).expect(200).json["challenge"]
    text = phone.statement(challenge).text(REVOCATION)
    body = {"challenge": challenge, "revocation": person.key.sign(text)}
    answer = person.handset.call("POST", f"devices/{phone.hash}/revoke", body)
    assert answer.refusal == (422, "challenge_invalid")
    assert state(phone) == "active"


def test_a_challenge_that_was_given_to_another_device_is_refused(person: Person, phone: Handset) -> None:
    tablet = person.certified_handset("tablet")
    body = tablet.revocation(phone)
    answer = person.handset.call("POST", f"devices/{phone.hash}/revoke", body)
    assert answer.refusal == (422, "challenge_invalid")
    tablet.call("POST", f"devices/{phone.hash}/revoke", body).expect(200)


@pytest.mark.parametrize("purpose", ["key", "register"])
def test_a_challenge_for_another_purpose_is_refused(person: Person, phone: Handset, purpose: str) -> None:
    asking = person.handset if purpose == "key" else Person(person.wire, "somebody_else").handset
    challenge = asking.ask_challenge(purpose, username="somebody_else").expect(200).json["challenge"]
    text = phone.statement(challenge).text(REVOCATION)
    body = {"challenge": challenge, "revocation": person.key.sign(text)}
    answer = person.handset.call("POST", f"devices/{phone.hash}/revoke", body)
    assert answer.refusal == (422, "challenge_invalid")


def test_an_expired_challenge_is_refused(person: Person, phone: Handset) -> None:
    body = person.handset.revocation(phone)
    Challenge.objects.update(expires_at=timezone.now())
    answer = person.handset.call("POST", f"devices/{phone.hash}/revoke", body)
    assert answer.refusal == (422, "challenge_invalid")


def test_a_revocation_serves_once(person: Person, phone: Handset) -> None:
    body, path = person.handset.revocation(phone), f"devices/{phone.hash}/revoke"
    person.handset.call("POST", path, body).expect(200)
    assert person.handset.call("POST", path, body).refusal == (422, "challenge_invalid")
    assert person.handset.revoke(phone).refusal == (409, "device_ended")


def test_a_device_that_has_ended_gives_its_challenge_back(person: Person, phone: Handset) -> None:
    body = person.handset.revocation(phone)
    person.handset.revoke(phone).expect(200)
    answer = person.handset.call("POST", f"devices/{phone.hash}/revoke", body)
    assert answer.refusal == (409, "device_ended")
    assert Challenge.objects.count() == 1


def test_nobody_revokes_a_device_of_another_account(person: Person, phone: Handset) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)
    body = {"challenge": b64url(bytes(32)), "revocation": stranger.key.sign("x")}
    answer = stranger.handset.call("POST", f"devices/{phone.hash}/revoke", body)
    assert answer.refusal == (404, "unknown_device")
    assert state(phone) == "active"


# --- The last device -----------------------------------------------------------------------------


def test_the_last_device_does_not_end_until_the_key_is_said_to_be_backed_up(person: Person) -> None:
    body = person.handset.revocation(person.handset)
    for path in ("sessions/logout", f"devices/{person.handset.hash}/revoke"):
        for wrong in (
            "",
            "?key_backed_up=false",
            "?key_backed_up=1",
            "?key_backed_up",
            "?key_backed_up=TRUE",
        ):
            assert person.handset.call("POST", path + wrong, body).refusal == LAST
    assert person.handset.call("POST", "sessions/logout", {}).refusal == LAST
    # It spends nothing: the same body serves when it is repeated.
    person.handset.call("POST", "sessions/logout?key_backed_up=true", body).expect(204)
    assert state(person.handset) == "ended"


def test_pending_devices_and_apps_are_no_other_active_device(person: Person) -> None:
    person.new_handset().log_in().expect(200)
    app_token(person)
    assert person.handset.log_out().refusal == LAST
    assert person.handset.log_out(statement=False).refusal == LAST


def test_a_pending_device_is_never_the_last(person: Person) -> None:
    pending = person.new_handset()
    pending.log_in().expect(200)
    pending.log_out(statement=False).expect(204)


def test_after_the_last_device_the_account_key_still_opens_the_account(person: Person) -> None:
    person.handset.log_out(backed_up=True).expect(204)
    phone = person.new_handset("new")
    assert phone.log_in().expect(200).json["devices"] == []
    phone.activate().expect(200)


@pytest.mark.django_db(transaction=True)
def test_of_two_devices_that_end_each_other_at_once_one_stays() -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    phone = person.certified_handset()
    pairs = [(person.handset, phone), (phone, person.handset)]
    bodies = [(me, it, me.revocation(it)) for me, it in pairs]
    together, answers = threading.Barrier(2), list[Answer]()

    def revoke(me: Handset, it: Handset, body: dict[str, str]) -> None:
        me.wire = DjangoWire()
        together.wait()
        try:
            answers.append(me.call("POST", f"devices/{it.hash}/revoke", body))
        finally:
            connection.close()

    threads = [threading.Thread(target=revoke, args=each) for each in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers)[0] == 200
    assert {answer.code for answer in answers if answer.status != 200} <= {"last_device", "device_revoked"}
    assert sorted([state(person.handset), state(phone)]) == ["active", "ended"]


# --- What an ended device is -----------------------------------------------------------------------


def test_a_revoked_device_is_refused_at_once_and_its_key_for_ever(person: Person, phone: Handset) -> None:
    told = person.handset.revoke(phone).expect(200).json
    assert told == {"warnings": ["account_key_still_on_device"]}
    for answer in (phone.call("GET", "me"), phone.refresh(), phone.log_in()):
        assert answer.refusal == (401, "device_revoked")
    person.handset.call("GET", "me").expect(200)


def test_its_sockets_are_told(person: Person, phone: Handset, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "devices.services.lifecycle.push", lambda device, message: told.append((device, message["type"]))
    )
    person.handset.revoke(phone).expect(200)
    assert told == [(phone.hash, "device.ended")]


def test_its_exchanges_are_ended_in_the_same_transaction(
    person: Person, phone: Handset, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(
        ports.device_ended, "_functions", [lambda device, account: told.append((device, account))]
    )
    person.handset.revoke(phone).expect(200)
    assert told == [(phone.hash, person.id)]


def test_a_port_that_fails_undoes_the_revocation(
    person: Person, phone: Handset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(device: str, account: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(ports.device_ended, "_functions", [fail])
    assert person.handset.revoke(phone).status == 500
    assert state(phone) == "active"
    assert Challenge.objects.count() == 1


def test_a_signed_logout_is_published_with_its_revocation(person: Person, phone: Handset) -> None:
    body = phone.revocation(phone)
    phone.call("POST", "sessions/logout", body).expect(204)
    listed = person.handset.call("GET", f"accounts/{person.username}/devices").json["results"]
    [shown] = [one for one in listed if one["device"] == phone.hash]
    assert shown["ended"] == "logout"
    assert shown["revocation_challenge"] == body["challenge"]
    assert "BEGIN PGP SIGNATURE" in shown["revocation"]


def test_a_logout_without_a_statement_is_published_on_the_servers_word_alone(
    person: Person, phone: Handset
) -> None:
    phone.log_out(statement=False).expect(204)
    listed = person.handset.call("GET", f"accounts/{person.username}/devices").json["results"]
    [shown] = [one for one in listed if one["device"] == phone.hash]
    assert (shown["ended"], shown["revocation"], shown["revocation_challenge"]) == ("logout", None, None)
    assert phone.refresh().refusal == (401, "device_revoked")


def test_a_pending_device_that_logs_out_is_listed_as_ended_and_its_key_is_dead(person: Person) -> None:
    pending = person.new_handset()
    pending.log_in().expect(200)
    pending.log_out(statement=False).expect(204)
    assert pending.log_in().refusal == (401, "device_revoked")
    listed = person.handset.call("GET", f"accounts/{person.username}/devices").json["results"]
    [ended] = [one for one in listed if one["device"] != person.handset.hash]
    assert (ended["device"], ended["ended"]) == (pending.hash, "logout")
    assert (ended["certificate"], ended["revocation"]) == (None, None)


def test_a_pending_device_is_not_published_before_it_ends(person: Person) -> None:
    person.new_handset().log_in().expect(200)
    listed = person.handset.call("GET", f"accounts/{person.username}/devices").json["results"]
    assert [one["device"] for one in listed] == [person.handset.hash]


def test_a_logout_that_a_revocation_overtook_is_told_so(person: Person, phone: Handset) -> None:
    phone.call("GET", "me").expect(200)
    # As on another worker, which still holds for 0.8 s that the device is active.
    held = standings.standing(DeviceHash(phone.hash))
    person.handset.revoke(phone).expect(200)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standings, "standing", lambda device: held)
        assert phone.log_out(statement=False).refusal == (401, "device_revoked")


def test_a_revocation_by_a_key_that_is_the_accounts_no_more_is_not_kept(
    person: Person, phone: Handset, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = openpgp.verify

    def verify_and_lose_the_race(*args: Any, **kwargs: Any) -> Any:
        signed = verify(*args, **kwargs)
        Account.objects.filter(pk=person.id).update(fingerprint="F" * 40)
        return signed

    monkeypatch.setattr(openpgp, "verify", verify_and_lose_the_race)
    assert person.handset.revoke(phone).refusal == (422, "revocation_invalid")
    assert Device.objects.get(hash=phone.hash).state == "active"


def test_a_pending_device_is_revoked_by_a_statement_too_and_published_with_it(person: Person) -> None:
    pending = person.new_handset()
    pending.log_in().expect(200)
    answer = person.handset.call("POST", f"devices/{pending.hash}/revoke", {})
    assert answer.refusal == (422, "revocation_invalid")
    person.handset.revoke(pending).expect(200)
    assert pending.refresh().refusal == (401, "device_revoked")
    listed = person.handset.call("GET", f"accounts/{person.username}/devices").json["results"]
    [revoked] = [one for one in listed if one["device"] == pending.hash]
    assert revoked["ended"] == "revoked"
    assert revoked["revocation"].startswith("-----BEGIN PGP SIGNATURE-----")


def test_an_app_is_revoked_without_a_statement_and_holds_no_account_key(person: Person) -> None:
    token = app_token(person)
    device = claims_of(token)["device"]
    told = person.handset.call("POST", f"devices/{device}/revoke", {}).expect(200).json
    assert told == {"warnings": []}
    answer = person.handset.call("GET", "me", authorization=f"Bearer {token}")
    assert answer.refusal == (401, "device_revoked")


def test_a_device_revokes_itself_by_the_call_for_others_as_well(person: Person, phone: Handset) -> None:
    phone.revoke(phone).expect(200)
    assert phone.refresh().refusal == (401, "device_revoked")
