"""Passkeys: whose are taken, which log in, and where a login by one ends (PROTOCOL §3, WebAuthn Level 3)."""

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import LazySettings
from django.db import DatabaseError, connection
from django.utils import timezone

from accounts import passkeys, passwords, throttle
from accounts.models import Account, Passkey
from accounts.throttle import Limit
from audit.events import Event
from audit.models import AuditRow
from audit.services import chain_of
from devices.models import Challenge, Device
from tests.audit.reading import rows_elsewhere, told
from tests.people import Answer, DjangoWire, Handset, Person, b64url, claims_of, from_b64url
from tests.webauthn import AT, BE, BS, EDDSA, ES256, RS256, UP, UV, Authenticator, cose_key, new_key

CREDENTIALS = (401, "invalid_credentials")
INVALID = (422, "passkey_invalid")


def creation_options(handset: Handset, **body: Any) -> dict[str, Any]:
    asked = handset.call("POST", "me/passkeys", {"password": handset.person.password} | body)
    options: dict[str, Any] = asked.expect(200).json["options"]
    return options


def keep(handset: Handset, credential: dict[str, Any], name: str = "a key") -> Answer:
    return handset.call("POST", "me/passkeys", {"name": name, "credential": credential})


def add(handset: Handset, authenticator: Authenticator, **how: Any) -> Answer:
    made = authenticator.create(creation_options(handset), origin=handset.wire.origin, **how)
    return keep(handset, made)


def request_options(handset: Handset) -> dict[str, Any]:
    options: dict[str, Any] = handset.call("POST", "sessions/passkey/options", {}).expect(200).json["options"]
    return options


def enter(handset: Handset, credential: dict[str, Any], **members: Any) -> Answer:
    body = {"credential": credential, "device": {"name": handset.name, "platform": "tests"}} | members
    answer = handset.call("POST", "sessions/passkey", body)
    return handset.remember(answer) if answer.status == 200 else answer


def log_in(handset: Handset, authenticator: Authenticator, **how: Any) -> Answer:
    return enter(handset, authenticator.get(request_options(handset), origin=handset.wire.origin, **how))


@pytest.fixture
def authenticator(person: Person) -> Authenticator:
    """Holds a passkey of the person's."""
    made = Authenticator()
    add(person.handset, made).expect(201)
    return made


# --- Asking for options ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"credential": {}},
        {"password": "x", "name": "x"},
        {"password": None},
        {"password": 7},
    ],
)
def test_what_neither_asks_nor_answers_is_refused(person: Person, body: dict[str, Any]) -> None:
    assert person.handset.call("POST", "me/passkeys", body).refusal == (422, "invalid_fields")


def test_a_token_without_the_password_adds_no_passkey(person: Person) -> None:
    asked = person.handset.call("POST", "me/passkeys", {"password": "not the password"})
    assert asked.refusal == (403, "password_wrong")
    assert not Challenge.objects.filter(purpose="passkey_add").exists()


def test_a_pending_device_adds_lists_and_removes_nothing(person: Person) -> None:
    phone = person.new_handset()
    phone.log_in().expect(200)
    for method, path, body in (
        ("POST", "me/passkeys", {"password": person.password}),
        ("GET", "me/passkeys", None),
        ("DELETE", "me/passkeys/x", None),
    ):
        assert phone.call(method, path, body).refusal == (403, "device_pending")


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "https://[2001:db8::1]"])
def test_an_address_instead_of_a_name_has_no_passkeys(
    person: Person, settings: LazySettings, origin: str
) -> None:
    authenticator = Authenticator()
    options = creation_options(person.handset)
    made = authenticator.create(options, origin=person.wire.origin)
    request = request_options(person.handset)
    settings.HVX_ORIGIN = person.wire.origin = origin
    handset = person.handset
    unavailable = (403, "passkeys_unavailable")
    assert handset.call("POST", "me/passkeys", {"password": person.password}).refusal == unavailable
    assert keep(handset, made).refusal == unavailable
    assert handset.call("POST", "sessions/passkey/options", {}).refusal == unavailable
    assert enter(handset, authenticator.get(request, origin=origin)).refusal == unavailable
    handset.call("GET", "me/passkeys").expect(200)


def test_creation_options_ask_for_a_verified_user_and_no_attestation(
    person: Person, authenticator: Authenticator
) -> None:
    options = creation_options(person.handset)
    assert options["rp"]["id"] == "localhost"
    assert options["user"]["name"] == person.account
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert [one["alg"] for one in options["pubKeyCredParams"]] == [EDDSA, ES256, RS256]
    assert len(from_b64url(options["challenge"])) == 32
    assert options["timeout"] == 300_000
    assert [one["id"] for one in options["excludeCredentials"]] == [b64url(authenticator.credential_id)]


def test_the_user_handle_is_random_and_stays(person: Person) -> None:
    first, second = creation_options(person.handset), creation_options(person.handset)
    assert first["user"]["id"] == second["user"]["id"]
    assert first["challenge"] != second["challenge"]
    handle = from_b64url(first["user"]["id"])
    assert len(handle) == 32
    stranger = Person(person.wire)
    stranger.register().expect(201)
    assert creation_options(stranger.handset)["user"]["id"] != first["user"]["id"]
    assert handle == bytes(Account.objects.get(pk=person.id).user_handle or b"")


# --- Adding ------------------------------------------------------------------------------------------


def rsa_key(bits: int) -> bytes:
    return cbor2.dumps({1: 3, 3: RS256, -1: b"\xff" * (bits // 8), -2: b"\x01\x00\x01"})


def ec_key(algorithm: int, x: bytes, y: bytes) -> bytes:
    return cbor2.dumps({1: 2, 3: algorithm, -1: 1, -2: x, -3: y})


WRONG_CREATIONS: dict[str, dict[str, Any]] = {
    "made for another origin": {"origin": "https://evil.example"},
    "made for another port": {"origin": "http://localhost:9999"},
    "made for another scheme": {"origin": "https://localhost:8000"},
    "made for another relying party": {"rp_id": "evil.example"},
    "an assertion": {"said": {"type": "webauthn.get"}},
    "of no type": {"said": {"type": None}},
    "made in another site's frame": {"said": {"crossOrigin": True}},
    "without an origin": {"said": {"origin": None}},
    "without user verification": {"flags": UP},
    "without a user": {"flags": UV},
    "backed up without being eligible": {"flags": UP | UV | BS},
    "of an algorithm that was not offered": {"public_key": ec_key(-36, bytes(32), bytes(32))},
    "with a point on no curve": {"public_key": ec_key(ES256, bytes(32), bytes(32))},
    "with an Ed25519 key of 31 bytes": {"public_key": cbor2.dumps({1: 1, 3: -8, -1: 6, -2: bytes(31)})},
    "with an RSA key of 1024 bits": {"public_key": rsa_key(1024)},
    "with an RSA key of 16384 bits": {"public_key": rsa_key(16384)},
    "with a key that is a list": {"public_key": cbor2.dumps([1, 2, 3])},
    "with an empty key": {"public_key": b""},
    "with something after the key": {"public_key": cbor2.dumps(cose_key(new_key(EDDSA))) + b"\x00"},
    "with a statement where none may be": {"statement": {"sig": b"x"}},
    "attested by a maker": {"fmt": "packed", "statement": {"alg": -7, "sig": b"x", "x5c": [b"x"]}},
    "attested by a TPM": {"fmt": "tpm", "statement": {"ver": "2.0"}},
    "of an unknown format": {"fmt": "unheard-of"},
    "attested by another key": {"fmt": "packed", "statement": {"alg": -7, "sig": b"0" * 70}},
    "with junk for an attestation": {"attestationObject": b64url(b"junk")},
    "with an empty map for an attestation": {"attestationObject": b64url(cbor2.dumps({}))},
    "with a number for an attestation": {"attestationObject": b64url(cbor2.dumps({"fmt": 1, "authData": 2}))},
    "with half of an attestation": {
        "attestationObject": b64url(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": bytes(36)}))
    },
    "without a credential": {
        "attestationObject": b64url(
            cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": bytes(32) + bytes([UP | UV]) + bytes(4)})
        )
    },
    "with client data that is a list": {"clientDataJSON": b64url(b"[]")},
    "with client data that is junk": {"clientDataJSON": b64url(b"\xff\xfe")},
    "with client data as deep as it goes": {"clientDataJSON": b64url(b"[" * 4000)},
    "with a number for a challenge": {"said": {"challenge": 7}},
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG_CREATIONS)
def test_a_passkey_is_not_kept_that_is(person: Person, fault: str) -> None:
    options = creation_options(person.handset)
    how = {"origin": person.wire.origin} | WRONG_CREATIONS[fault]
    refused = keep(person.handset, Authenticator().create(options, **how))
    assert refused.refusal in (INVALID, (422, "challenge_invalid")), refused
    assert not Passkey.objects.exists()
    # What failed has spent nothing: the same options still serve the honest answer.
    keep(person.handset, Authenticator().create(options, origin=person.wire.origin)).expect(201)


BOMBS = {
    "lists in lists": b"\x81" * 16_000,
    "maps in maps": b"\xa1\x01" * 8_000,
    "lists without end": b"\x9f" * 16_000,
    "tags on tags": b"\xc1" * 16_000,
    "a text of two gigabytes": b"\x7b\x00\x00\x00\x00\x7f\xff\xff\xff",
    "a list of two thousand million": b"\x9a\x7f\xff\xff\xff",
    "a map of more than memory": b"\xbb" + b"\xff" * 8,
    "a fraction of great exponent": b"\xc5\x82\x1b\x00\x00\x00\x00\x7f\xff\xff\xff\x01",
    "a fraction with no denominator": b"\xd8\x1e\x82\x01\x00",
    "a list that holds itself": b"\xd8\x1c\x81\xd8\x1d\x00",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_cbor_that_is_made_to_hurt_is_refused(person: Person, bomb: str) -> None:
    authenticator = Authenticator()
    for wrapped in (BOMBS[bomb], b"\xa1\x63fmt" + BOMBS[bomb]):
        options = creation_options(person.handset)
        hurt = authenticator.create(options, origin=person.wire.origin, attestationObject=b64url(wrapped))
        assert keep(person.handset, hurt).refusal == INVALID
        key = authenticator.create(options, origin=person.wire.origin, public_key=BOMBS[bomb])
        assert keep(person.handset, key).refusal == INVALID


@pytest.mark.parametrize("fmt", ["none", "packed"])
def test_whatever_byte_of_a_creation_is_changed_it_holds_or_is_refused(fmt: str) -> None:
    challenge, authenticator = bytes(32), Authenticator(flags=UP | UV | BE)
    options = {"rp": {"id": "localhost"}, "user": {"id": b64url(bytes(32))}, "challenge": b64url(challenge)}
    made = authenticator.create(options, origin="http://localhost:8000", fmt=fmt)["response"]
    good = from_b64url(made["attestationObject"])
    outcomes: Counter[str] = Counter()
    for at, changed in itertools.product(range(len(good)), (1, 0x80, 0xFF)):
        raw = bytearray(good)
        raw[at] ^= changed
        given = passkeys.Creation(
            credential_id=authenticator.credential_id,
            client_data=from_b64url(made["clientDataJSON"]),
            attestation_object=bytes(raw),
        )
        try:
            kept = passkeys.verify_creation(given, challenge)
        except passkeys.PasskeyRefused:
            outcomes["refused"] += 1
        else:
            # Unsigned, as `none` is: its counter, flags and maker may be anything, the rest may not.
            assert kept.credential_id == authenticator.credential_id
            outcomes["holds"] += 1
    assert outcomes["refused"] > 0
    assert (outcomes["holds"] == 0) == (fmt == "packed")


def test_a_challenge_of_nobodys_adds_no_passkey(person: Person) -> None:
    options = creation_options(person.handset) | {"challenge": b64url(bytes(32))}
    refused = keep(person.handset, Authenticator().create(options, origin=person.wire.origin))
    assert refused.refusal == (422, "challenge_invalid")


def test_creation_options_serve_one_device_once_and_for_five_minutes(person: Person) -> None:
    phone = person.certified_handset()
    stranger = Person(person.wire)
    stranger.register().expect(201)
    options = creation_options(person.handset)
    origin = person.wire.origin
    for other in (phone, stranger.handset):
        refused = keep(other, Authenticator().create(options, origin=origin))
        assert refused.refusal == (422, "challenge_invalid")
    keep(person.handset, Authenticator().create(options, origin=origin)).expect(201)
    again = keep(person.handset, Authenticator().create(options, origin=origin))
    assert again.refusal == (422, "challenge_invalid")
    late = creation_options(person.handset)
    Challenge.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    refused = keep(person.handset, Authenticator().create(late, origin=origin))
    assert refused.refusal == (422, "challenge_invalid")


def test_a_challenge_for_a_login_adds_no_passkey(person: Person) -> None:
    options = creation_options(person.handset) | {"challenge": request_options(person.handset)["challenge"]}
    refused = keep(person.handset, Authenticator().create(options, origin=person.wire.origin))
    assert refused.refusal == (422, "challenge_invalid")


def test_a_credential_is_registered_once_whoever_asks(person: Person, authenticator: Authenticator) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)
    for handset in (person.handset, stranger.handset):
        made = authenticator.create(creation_options(handset), origin=person.wire.origin)
        assert keep(handset, made).refusal == (409, "passkey_in_use")
    assert Passkey.objects.count() == 1


def test_another_id_than_the_authenticators_is_refused(person: Person) -> None:
    made = Authenticator().create(creation_options(person.handset), origin=person.wire.origin)
    other = b64url(bytes(32))
    assert keep(person.handset, made | {"id": other, "rawId": other}).refusal == INVALID
    assert keep(person.handset, made | {"rawId": other}).refusal == (422, "invalid_fields")


def test_an_account_has_at_most_twenty_passkeys(person: Person, authenticator: Authenticator) -> None:
    options = creation_options(person.handset)
    [kept] = Passkey.objects.all()
    for number in range(19):
        kept.pk, kept.credential_id, kept._state.adding = None, bytes([number]), True
        kept.save(force_insert=True)
    limit = (409, "passkey_limit")
    asked = person.handset.call("POST", "me/passkeys", {"password": person.password})
    assert asked.refusal == limit
    # Options that were given before the last place was taken do not get round it.
    assert keep(person.handset, Authenticator().create(options, origin=person.wire.origin)).refusal == limit
    assert Passkey.objects.count() == 20


@pytest.mark.parametrize("fmt", ["none", "packed"])
@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_a_passkey_of_each_algorithm_logs_in(person: Person, algorithm: int, fmt: str) -> None:
    authenticator = Authenticator(algorithm)
    told = add(person.handset, authenticator, fmt=fmt).expect(201).json
    assert told.keys() == {
        "id", "name", "transports", "backup_eligible", "backed_up", "created_at", "last_used_at",
    }  # fmt: skip
    assert (told["name"], told["transports"], told["last_used_at"]) == ("a key", ["internal", "hybrid"], None)
    phone = person.new_handset()
    assert log_in(phone, authenticator).expect(200).json["state"] == "pending"
    [listed] = person.handset.call("GET", "me/passkeys").expect(200).json["results"]
    assert listed["id"] == told["id"]
    assert listed["last_used_at"] is not None


def test_transports_that_nobody_knows_are_forgotten(person: Person) -> None:
    told = add(person.handset, Authenticator(), transports=["usb", "telepathy", "usb"]).expect(201).json
    assert told["transports"] == ["usb"]


def test_the_second_time_under_one_idempotency_key_the_first_answer(person: Person) -> None:
    made = Authenticator().create(creation_options(person.handset), origin=person.wire.origin)
    body = {"name": "a key", "credential": made}
    first, second = (
        person.handset.call("POST", "me/passkeys", body, headers={"Idempotency-Key": "once"}).expect(201)
        for _ in range(2)
    )
    assert first.json == second.json
    asked = [
        person.handset.call(
            "POST", "me/passkeys", {"password": person.password}, headers={"Idempotency-Key": "asked"}
        ).expect(200)
        for _ in range(2)
    ]
    assert asked[0].json["options"]["challenge"] != asked[1].json["options"]["challenge"]


# --- Logging in --------------------------------------------------------------------------------------


def _replaced(text: str, at: int) -> str:
    raw = bytearray(from_b64url(text))
    raw[at] ^= 1
    return b64url(bytes(raw))


def _altered(part: str, at: int = -1) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def alter(credential: dict[str, Any]) -> dict[str, Any]:
        response = credential["response"]
        return credential | {"response": response | {part: _replaced(response[part], at)}}

    return alter


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
        assert enter(phone, _altered(part, at)(good)).refusal == CREDENTIALS, at
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
        enter(phone, _altered("signature", 0)(good))
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
            enter(phone, _altered("signature")(good)),
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
        return enter(phone, _altered("signature", 0)(good))

    for _ in range(2):
        assert wrong().refusal == CREDENTIALS
    waiting = wrong()
    assert waiting.refusal == (429, "rate_limited")
    assert int(waiting.headers["retry-after"]) > 0
    log_in(person.new_handset(), authenticator).expect(200)
