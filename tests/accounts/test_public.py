"""What anybody sees of an account, and what its owner sees: `accounts/…` and `me`."""

from base64 import b64decode
from urllib.parse import parse_qs, urlsplit

import pysequoia
import pytest

from tests.api.apps import app_token
from tests.people import CERTIFICATE, REVOCATION, Answer, DjangoWire, Person, Statement, from_b64url


def public(person: Person, tail: str = "") -> Answer:
    return person.new_handset().call("GET", f"accounts/{person.username}{tail}")


@pytest.mark.parametrize("username", ["nobody", "admin", "Alice", "a" * 5000, "%00", "%F0%9F%98%80", "a%2Fb"])
@pytest.mark.parametrize("tail", ["", "/devices"])
def test_an_unknown_name_is_no_account(wire: DjangoWire, username: str, tail: str) -> None:
    answer = Person(wire).handset.call("GET", f"accounts/{username}{tail}")
    assert answer.status == 404
    assert answer.code in ("unknown_account", "not_found")


def test_an_account_is_not_found_by_its_address(person: Person) -> None:
    answer = person.handset.call("GET", f"accounts/{person.email}")
    assert answer.refusal == (404, "unknown_account")


def test_the_public_sees_the_key_and_no_address_time_or_secret(person: Person) -> None:
    shown = public(person).expect(200).json
    assert shown.keys() == {"id", "username", "account", "fingerprint", "public_key", "transitions"}
    assert (shown["account"], shown["fingerprint"]) == (person.account, person.key.fingerprint)
    cert = pysequoia.Cert.from_bytes(shown["public_key"].encode())
    assert cert.fingerprint.upper() == person.key.fingerprint
    assert "PRIVATE" not in shown["public_key"]
    assert shown["transitions"] == []


def test_the_public_sees_devices_without_names_platforms_and_times(person: Person) -> None:
    person.certified_handset("a private name")
    answer = public(person, "/devices").expect(200)
    assert answer.json.keys() == {"next", "previous", "results"}
    for shown in answer.json["results"]:
        assert shown.keys() == {
            "device", "device_key", "challenge", "certificate", "revocation", "revocation_challenge", "ended",
        }  # fmt: skip
    assert b"private name" not in answer.body
    assert b"platform" not in answer.body


def test_no_cursor_tells_a_time(person: Person) -> None:
    """The place in a cursor is the hash of a device, which is public, and never when it was made."""
    hashes = {person.handset.hash} | {person.certified_handset().hash for _ in range(2)}
    following = public(person, "/devices?limit=1").expect(200).json["next"]
    [cursor] = parse_qs(urlsplit(following).query)["cursor"]
    members = parse_qs(b64decode(cursor).decode())
    assert members.keys() == {"p"}
    assert set(members["p"]) <= hashes


def test_pages_of_public_devices_hold_every_device_once(person: Person) -> None:
    hashes = {person.handset.hash} | {person.certified_handset().hash for _ in range(4)}
    found, path = [], f"accounts/{person.username}/devices?limit=2"
    while path:
        page = person.handset.call("GET", path).expect(200).json
        found += [shown["device"] for shown in page["results"]]
        path = (page["next"] or "").removeprefix(person.wire.origin)
    assert len(found) == 5
    assert set(found) == hashes


def test_pending_devices_and_apps_are_not_public(person: Person) -> None:
    person.new_handset().log_in().expect(200)
    app_token(person)
    assert [shown["device"] for shown in public(person, "/devices").json["results"]] == [person.handset.hash]


def test_anybody_can_check_every_certificate_and_revocation(person: Person) -> None:
    phone = person.certified_handset()
    person.handset.revoke(phone).expect(200)
    account = public(person).json
    cert = pysequoia.Cert.from_bytes(account["public_key"].encode())
    results = public(person, "/devices").json["results"]
    assert len(results) == 2
    for shown in results:
        statement = Statement(
            origin=person.wire.origin,
            account=account["account"],
            fingerprint=account["fingerprint"],
            device=shown["device"],
            device_key=from_b64url(shown["device_key"]),
            challenge=shown["challenge"],
        )
        signed = [(statement.text(CERTIFICATE), shown["certificate"])]
        if shown["revocation"] is not None:
            revoked = Statement(**{**vars(statement), "challenge": shown["revocation_challenge"]})
            signed.append((revoked.text(REVOCATION), shown["revocation"]))
        for text, signature in signed:
            made = pysequoia.Sig.from_bytes(signature.encode())
            assert pysequoia.verify(text.encode(), store=lambda ids: [cert], signature=made).valid_sigs
    assert sorted(shown["ended"] or "" for shown in results) == ["", "revoked"]


# --- me --------------------------------------------------------------------------------------------


def test_one_sees_ones_own_address(person: Person) -> None:
    shown = person.handset.call("GET", "me").expect(200).json
    assert shown["email"] == person.email
    assert shown["created_at"].endswith("Z")
    assert shown["fingerprint"] == person.key.fingerprint
    assert "password" not in shown


@pytest.mark.parametrize(
    "email", ["", "no address", None, 7, "a@b@c.example", "a" * 255, "a\x00@mail.example"]
)
def test_an_address_is_refused(person: Person, email: object) -> None:
    answer = person.handset.call("PATCH", "me", {"email": email})
    assert answer.refusal == (422, "invalid_fields")
    assert list(answer.json["errors"]) == ["email"]
    assert person.handset.call("GET", "me").json["email"] == person.email


def test_an_address_that_another_account_has_is_refused(person: Person) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)
    answer = person.handset.call("PATCH", "me", {"email": stranger.email.upper()})
    assert answer.refusal == (409, "email_taken")
    assert person.handset.call("GET", "me").json["email"] == person.email


def test_a_new_address_takes_the_place_of_the_old(person: Person) -> None:
    told = person.handset.call("PATCH", "me", {"email": "New@Mail.example"}).expect(200).json
    assert told["email"] == "New@Mail.example"
    person.new_handset().log_in(login="new@mail.example").expect(200)
    assert person.new_handset().log_in(login=person.email).refusal == (401, "invalid_credentials")
    Person(person.wire, email=person.email).register().expect(201)


def test_a_change_of_nothing_changes_nothing(person: Person) -> None:
    told = person.handset.call("PATCH", "me", {"username": "another", "id": "x", "password": "y"}).expect(200)
    assert told.json == person.handset.call("GET", "me").json
    assert told.json["username"] == person.username
