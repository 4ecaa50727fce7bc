"""Whose passkeys are taken: under the password, made for this server alone, whole (WebAuthn Level 3)."""

import hashlib
import itertools
from collections import Counter
from datetime import timedelta
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.utils import timezone

from accounts import passkeys
from accounts.models import Passkey
from devices.models import Challenge
from tests.accounts.passkeys import (
    INVALID,
    add,
    creation_options,
    keep,
    log_in,
    request_options,
)
from tests.people import Person, b64url, from_b64url
from tests.webauthn import BE, BS, EDDSA, ES256, RS256, UP, UV, Authenticator, cose_key, new_key


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


def certified_by_a_maker(made: dict[str, Any]) -> dict[str, Any]:
    """The same with a maker's statement that holds: signed by a key that a certificate names."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a maker")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(timezone.now() - timedelta(days=1))
        .not_valid_after(timezone.now() + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    response = made["response"]
    data = cbor2.loads(from_b64url(response["attestationObject"]))["authData"]
    client_data = from_b64url(response["clientDataJSON"])
    signature = key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
    statement = {"alg": ES256, "sig": signature, "x5c": [certificate.public_bytes(Encoding.DER)]}
    attestation = cbor2.dumps({"fmt": "packed", "attStmt": statement, "authData": data})
    return made | {"response": response | {"attestationObject": b64url(attestation)}}


def test_a_makers_certificate_is_refused_though_it_holds(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = creation_options(person.handset)
    made = Authenticator().create(options, origin=person.wire.origin)
    certified = certified_by_a_maker(made)
    assert keep(person.handset, certified).refusal == INVALID
    assert not Passkey.objects.exists()
    # It is the certificate that is refused: without the rule it would be taken.
    monkeypatch.setattr(passkeys, "_refuse_certificates", lambda attestation_object: None)
    keep(person.handset, certified).expect(201)


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
