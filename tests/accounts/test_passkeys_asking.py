"""Who is given options to make a passkey by, and what they ask of an authenticator."""

from typing import Any

import pytest
from django.conf import LazySettings

from accounts.models import Account
from devices.models import Challenge
from tests.accounts.passkeys import (
    creation_options,
    enter,
    keep,
    request_options,
)
from tests.people import Person, b64url, from_b64url
from tests.webauthn import EDDSA, ES256, RS256, Authenticator


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
