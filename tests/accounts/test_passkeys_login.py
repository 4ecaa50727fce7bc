"""Which passkeys log in, and where a login by one ends (PROTOCOL §3, WebAuthn Level 3)."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from accounts import passkeys, throttle
from accounts.models import Passkey
from accounts.throttle import Limit
from devices.models import Challenge, Device
from tests.accounts.passkeys import (
    CREDENTIALS,
    add,
    altered,
    creation_options,
    enter,
    log_in,
    request_options,
)
from tests.audit.reading import rows_elsewhere, told
from tests.people import Person, b64url, claims_of, from_b64url
from tests.webauthn import AT, BE, BS, EDDSA, UP, UV, Authenticator, new_key

WRONG_ASSERTIONS: dict[str, dict[str, Any]] = {
    "for another origin": {"origin": "https://evil.example"},
    "for another port": {"origin": "http://localhost:9999"},
    "for the origin with a slash": {"origin": "http://localhost:8000/"},
    "for another relying party": {"rp_id": "evil.example"},
    "of another type": {"type_": "webauthn.create"},
    "without user verification": {"flags": UP},
    "without a user": {"flags": UV},
    "of a credential that was none for back-up": {"flags": UP | UV | BE},
    "backed up without being eligible": {"flags": UP | UV | BS},
    "with a flag that promises more": {"flags": UP | UV | AT},
    "from another site's frame": {"said": {"crossOrigin": True}},
    "by another key": {"key": ec.generate_private_key(ec.SECP256R1())},
    "by a key of another kind": {"key": new_key(EDDSA)},
    "with no signature to speak of": {"signature": b64url(b"\x00")},
    "with a foreign user handle": {"userHandle": b64url(bytes(32))},
    "with half a user handle": {"userHandle": b64url(b"x")},
    "with no user handle": {"userHandle": None},
    "with client data that is a list": {"clientDataJSON": b64url(b"[]")},
    "with client data that is junk": {"clientDataJSON": b64url(b"\xff\xfe")},
    "with a challenge that is a number": {"said": {"challenge": 7}},
    "with too little authenticator data": {"authenticatorData": b64url(bytes(36))},
}


@pytest.mark.parametrize("fault", WRONG_ASSERTIONS)
def test_a_login_is_refused(person: Person, authenticator: Authenticator, fault: str) -> None:
    phone = person.new_handset()
    options = request_options(phone)
    how = {"origin": person.wire.origin} | WRONG_ASSERTIONS[fault]
    assert enter(phone, authenticator.get(options, **how)).refusal == CREDENTIALS
    assert not Device.objects.filter(key=phone.public).exists()
    # Neither the challenge nor the counter has moved.
    enter(phone, authenticator.get(options, origin=person.wire.origin)).expect(200)


@pytest.mark.parametrize("part", ["signature", "authenticatorData", "clientDataJSON"])
def test_one_bit_changed_anywhere_refuses_the_login(
    person: Person, authenticator: Authenticator, part: str
) -> None:
    phone = person.new_handset()
    good = authenticator.get(request_options(phone), origin=person.wire.origin)
    size = len(from_b64url(good["response"][part]))
    for at in range(0, size, -(-size // 40)):
        assert enter(phone, altered(part, at)(good)).refusal == CREDENTIALS, at
    enter(phone, good).expect(200)


def test_every_refusal_looks_the_same_to_a_stranger(person: Person, authenticator: Authenticator) -> None:
    phone = person.new_handset()
    origin = person.wire.origin
    unknown = Authenticator(rp_id="localhost", user_handle=bytes(32))
    forged = authenticator.get(request_options(phone), origin=origin, signature=b64url(b"x" * 70))
    elsewhere = authenticator.get(request_options(person.handset), origin=origin)
    answers = [
        enter(phone, unknown.get(request_options(phone), origin=origin)),
        enter(phone, forged),
        enter(phone, elsewhere),
        phone.log_in(password="not the password"),
    ]
    assert [answer.refusal for answer in answers] == [CREDENTIALS] * len(answers)
    assert len({answer.body for answer in answers}) == 1
    assert len({frozenset(answer.headers) for answer in answers}) == 1


def test_request_options_name_nobody(person: Person, authenticator: Authenticator) -> None:
    options = request_options(person.new_handset())
    assert options.keys() == {"challenge", "timeout", "rpId", "allowCredentials", "userVerification"}
    assert options["allowCredentials"] == []
    assert options["userVerification"] == "required"
    named = person.new_handset().call("POST", "sessions/passkey/options", {"login": person.username})
    assert named.expect(200).json["options"]["allowCredentials"] == []


def test_request_options_serve_the_asking_key_once_and_for_five_minutes(
    person: Person, authenticator: Authenticator
) -> None:
    phone, thief = person.new_handset(), person.new_handset()
    origin = person.wire.origin
    shown = authenticator.get(request_options(phone), origin=origin)
    assert enter(thief, shown).refusal == CREDENTIALS
    enter(phone, shown).expect(200)
    assert enter(phone, shown).refusal == CREDENTIALS
    late = authenticator.get(request_options(phone), origin=origin)
    Challenge.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert enter(phone, late).refusal == CREDENTIALS


def test_a_challenge_for_another_purpose_logs_nobody_in(person: Person, authenticator: Authenticator) -> None:
    creation = creation_options(person.handset)["challenge"]
    key = person.handset.ask_challenge("key").expect(200).json["challenge"]
    for challenge in (creation, key):
        shown = authenticator.get({"challenge": challenge}, origin=person.wire.origin)
        assert enter(person.handset, shown).refusal == CREDENTIALS


def test_without_a_proof_nobody_asks_and_nobody_enters(person: Person, authenticator: Authenticator) -> None:
    phone = person.new_handset()
    shown = authenticator.get(request_options(phone), origin=person.wire.origin)
    body = {"credential": shown, "device": {"name": "x", "platform": ""}}
    for path, sent in (("sessions/passkey/options", {}), ("sessions/passkey", body)):
        refused = phone.call("POST", path, sent, proof=False)
        assert refused.refusal == (401, "invalid_dpop_proof")


def test_a_counter_that_does_not_rise_refuses_the_login(person: Person, authenticator: Authenticator) -> None:
    phone = person.new_handset()
    log_in(phone, authenticator).expect(200)
    authenticator.counter -= 1  # the next use says the same number again
    assert log_in(phone, authenticator).refusal == CREDENTIALS
    authenticator.counter -= 2
    assert log_in(phone, authenticator).refusal == CREDENTIALS
    authenticator.counts, authenticator.counter = False, 0
    assert log_in(phone, authenticator).refusal == CREDENTIALS
    authenticator.counts, authenticator.counter = True, 50
    log_in(phone, authenticator).expect(200)
    assert Passkey.objects.get().sign_count == 51


def test_a_passkey_that_is_removed_while_it_is_verified_logs_nobody_in(
    person: Person, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = passkeys.verify_assertion

    def verify_and_remove(*args: Any, **named: Any) -> passkeys.Asserted:
        asserted = verify(*args, **named)
        Passkey.objects.all().delete()
        return asserted

    monkeypatch.setattr(passkeys, "verify_assertion", verify_and_remove)
    phone = person.new_handset()
    assert log_in(phone, authenticator).refusal == CREDENTIALS
    assert not Device.objects.filter(key=phone.public).exists()


def test_an_authenticator_that_never_counts_logs_in_again_and_again(person: Person) -> None:
    synced = Authenticator(counts=False, flags=UP | UV | BE | BS)
    told = add(person.handset, synced).expect(201).json
    assert (told["backup_eligible"], told["backed_up"]) == (True, True)
    phone = person.new_handset()
    for _ in range(3):
        log_in(phone, synced).expect(200)
    synced.flags = UP | UV | BE
    log_in(phone, synced).expect(200)
    [listed] = person.handset.call("GET", "me/passkeys").expect(200).json["results"]
    assert listed["backed_up"] is False


def test_a_new_device_is_pending_after_a_passkey_as_after_a_password(
    person: Person, authenticator: Authenticator
) -> None:
    by_passkey, by_password = person.new_handset(), person.new_handset()
    told = log_in(by_passkey, authenticator).expect(200).json
    assert told.keys() == by_password.log_in().expect(200).json.keys()
    assert told["state"] == "pending"
    assert claims_of(told["access_token"])["scope"] == "pending"
    assert told["account"]["username"] == person.username
    assert by_passkey.call("GET", "me").refusal == (403, "device_pending")
    by_passkey.activate().expect(200)
    by_passkey.call("GET", "me").expect(200)


def test_a_device_that_is_known_and_active_is_active_at_once(
    person: Person, authenticator: Authenticator
) -> None:
    told = log_in(person.handset, authenticator).expect(200).json
    assert (told["state"], told["device"]) == ("active", person.handset.hash)
    assert claims_of(told["access_token"])["scope"] == "full"


def test_a_bound_token_comes_where_it_is_asked_for(person: Person, authenticator: Authenticator) -> None:
    phone = person.new_handset()
    shown = authenticator.get(request_options(phone), origin=person.wire.origin)
    told = enter(phone, shown, token_type="DPoP").expect(200).json
    assert told["token_type"] == "DPoP"
    assert "cnf" in claims_of(told["access_token"])


def test_a_device_key_that_ended_or_is_anothers_stays_refused(
    person: Person, authenticator: Authenticator
) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)
    phone = person.certified_handset()
    person.handset.revoke(phone).expect(200)
    theirs = person.new_handset(key=stranger.handset.key)
    before = Passkey.objects.get().sign_count
    assert log_in(phone, authenticator).refusal == (401, "device_revoked")
    assert log_in(theirs, authenticator).refusal == (409, "device_key_in_use")
    assert Passkey.objects.get().sign_count == before


def test_a_right_passkey_from_a_device_that_may_not_is_in_the_log_and_bounded(
    person: Person, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "REFUSED_SECRETS", Limit("refused-secrets", 2, 900))
    stranger = Person(person.wire)
    stranger.register().expect(201)
    phone = person.certified_handset()
    person.handset.revoke(phone).expect(200)
    theirs = person.new_handset(key=stranger.handset.key)
    log_in(phone, authenticator)
    log_in(theirs, authenticator)
    assert log_in(phone, authenticator).refusal == (429, "rate_limited")
    in_use, revoked, before, *_ = person.handset.call("GET", "me/security-log").expect(200).json["results"]
    assert (revoked["event"], revoked["device"]) == ("login_refused", phone.hash)
    assert revoked["details"] == {"kind": "passkey", "why": "revoked"}
    assert (in_use["event"], in_use["device"]) == ("login_refused", None)
    assert in_use["details"] == {"kind": "passkey", "why": "key_in_use"}
    assert before["event"] != "login_refused"


def test_what_follows_a_full_counter_is_told_by_the_row_that_it_is_full(
    person: Person, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "REFUSED_SECRETS", Limit("refused-secrets", 2, 900))
    for _ in range(4):
        phone = person.new_handset()
        good = authenticator.get(request_options(phone), origin=person.wire.origin)
        enter(phone, altered("signature", 0)(good))
    rows = [row for row in rows_elsewhere() if row.event == "locked_out"]
    assert [told(row) for row in rows] == [("locked_out", {"limit": "refused-secrets", "seconds": 900})]


def test_of_two_passkeys_each_speaks_for_its_own_account(
    person: Person, authenticator: Authenticator
) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)
    theirs = Authenticator()
    add(stranger.handset, theirs).expect(201)
    assert log_in(person.new_handset(), theirs).expect(200).json["account"]["username"] == stranger.username
    # One who answers with the other's credential id and user handle, but a key of their own.
    liar = Authenticator(rp_id="localhost", credential_id=authenticator.credential_id)
    liar.user_handle = authenticator.user_handle
    assert log_in(stranger.new_handset(), liar).refusal == CREDENTIALS
