"""Access tokens: what they say, and every way in which one is no token of this server."""

import hmac
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from pytest_django import DjangoAssertNumQueries

from devices import state, token_keys, tokens
from devices.errors import InvalidToken
from devices.models import Device, TokenKey
from devices.protocol.device_hash import DeviceHash
from tests.api.apps import app_token
from tests.people import DjangoWire, Person, b64url, claims_of, sign_jwt

JWKS = "/.well-known/jwks.json"


def signing_key() -> tuple[str, Ed25519PrivateKey]:
    """The server's own: what a forger does not have, so that each test changes one thing alone."""
    key = token_keys.signing_key()
    assert key is not None
    return key.kid, key.private


def forged(person: Person, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """The person's token, signed anew by the server's key, with these members changed or, with
    None, left out."""
    kid, private = signing_key()
    body = claims_of(person.handset.token) | {"jti": uuid.uuid4().hex} | claims
    head = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid} | (header or {})
    return sign_jwt(
        private,
        {name: value for name, value in head.items() if value is not None},
        {name: value for name, value in body.items() if value is not None},
    )


def refused(person: Person, token: str) -> tuple[int, str]:
    answer = person.handset.call("GET", "me", authorization=f"Bearer {token}")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    return answer.refusal


INVALID = (401, "invalid_token")


WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://example.net"},
    "an issuer with a slash": {"iss": "http://localhost:8000/"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "https://example.net"},
    "no audience": {"aud": None},
    "no expiry": {"exp": None},
    "an expiry that has passed": {"exp": int(time.time()) - 1},
    "an expiry that is text": {"exp": "never"},
    "no subject": {"sub": None},
    "no jti": {"jti": None},
    "no iat": {"iat": None},
    "no device": {"device": None},
    "no scope": {"scope": None},
    "a device that is nobody's": {"device": b64url(bytes(32))},
    "a time before which it does not hold": {"nbf": int(time.time()) + 3600},
    "the typ of a proof": {"header": {"typ": "dpop+jwt"}},
    "the typ of any JWT": {"header": {"typ": "JWT"}},
    "no typ": {"header": {"typ": None}},
    "no kid": {"header": {"kid": None}},
    "a kid that is a number": {"header": {"kid": 7}},
    "an unknown kid": {"header": {"kid": str(uuid.uuid4())}},
    "a kid that is no UUID": {"header": {"kid": "../../etc/passwd"}},
    "a kid with a NUL": {"header": {"kid": "\x00"}},
    "another alg": {"header": {"alg": "ES256"}},
    "extensions that must be understood": {"header": {"crit": ["x"], "x": 1}},
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_token_is_refused_for(person: Person, fault: str) -> None:
    assert refused(person, forged(person, **WRONG[fault])) == INVALID


def test_a_token_is_refused_with_alg_none(person: Person) -> None:
    body = person.handset.token.split(".")[1]
    for alg in ("none", "None", "NONE"):
        for kid in (signing_key()[0], None):
            head = {"alg": alg, "typ": "at+jwt"} | ({"kid": kid} if kid else {})
            bare = f"{b64url(json.dumps(head).encode())}.{body}."
            assert refused(person, bare) == INVALID


def test_a_token_is_refused_with_a_mac_under_the_public_key(person: Person) -> None:
    kid, private = signing_key()
    public = private.public_key()
    body = person.handset.token.split(".")[1]
    head = b64url(json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": kid}).encode())
    for secret in (public.public_bytes_raw(), b64url(public.public_bytes_raw()).encode()):
        mac = b64url(hmac.digest(secret, f"{head}.{body}".encode(), "sha256"))
        assert refused(person, f"{head}.{body}.{mac}") == INVALID


def test_a_token_is_refused_with_a_key_that_it_brings_itself(person: Person) -> None:
    own = Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64url(own.public_key().public_bytes_raw())}
    for header in ({"jwk": jwk}, {"jku": "http://localhost:1/jwks.json"}, {}):
        head = {"alg": "EdDSA", "typ": "at+jwt", "kid": signing_key()[0]} | header
        assert refused(person, sign_jwt(own, head, claims_of(person.handset.token))) == INVALID


def _flipped(token: str) -> str:
    head, body, signature = token.split(".")
    return f"{head}.{body}.{'B' if signature[0] != 'B' else 'C'}{signature[1:]}"


GARBAGE: dict[str, Callable[[str], str]] = {
    "a flipped bit": _flipped,
    "a cut signature": lambda token: token[:-2],
    "a part more": lambda token: token + ".AA",
    "a part less": lambda token: token.rpartition(".")[0],
    "a word": lambda token: "token",
    "very much": lambda token: token + "A" * 5000,
    "another's header": lambda token: b64url(b"[]") + "." + token.partition(".")[2],
    "a deep payload": lambda token: f"{token.split('.')[0]}.{b64url(b'[' * 1500)}.AA",
}


@pytest.mark.parametrize("fault", GARBAGE)
def test_a_token_is_refused_as(person: Person, fault: str) -> None:
    assert refused(person, GARBAGE[fault](person.handset.token)) == INVALID


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "token", "Bearer\tx", "DPoP"]
)
def test_without_a_token_one_is_asked_for(person: Person, header: str | None) -> None:
    answer = person.handset.call("GET", "me", authorization=header or False)
    assert answer.refusal == (401, "not_authenticated")
    assert answer.headers["www-authenticate"] == 'DPoP algs="EdDSA", Bearer'


def test_letters_beyond_ascii_in_a_token_are_refused(person: Person) -> None:
    assert refused(person, "tøken") == INVALID


def test_a_token_that_was_let_in_before_is_refused_once_it_has_expired(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.handset.call("GET", "me").expect(200)
    later = time.time() + 601
    monkeypatch.setattr("devices.tokens.time.time", lambda: later)
    with pytest.raises(InvalidToken):
        tokens.check(person.handset.token)


# --- What a token says ----------------------------------------------------------------------------


def test_a_full_token_says_what_the_protocol_lists(person: Person) -> None:
    token = person.handset.token
    claims = claims_of(token)
    assert claims.keys() == {
        "iss", "aud", "client_id", "sub", "email", "username", "device", "scope", "iat", "exp", "jti",
    }  # fmt: skip
    assert claims["iss"] == claims["aud"] == person.wire.origin
    assert claims["sub"] == person.id
    assert claims["email"] == person.email
    assert claims["username"] == person.username
    assert claims["device"] == person.handset.hash
    assert claims["scope"] == "full"
    assert claims["exp"] - claims["iat"] == 600
    assert abs(claims["iat"] - time.time()) < 5
    head = jwt.get_unverified_header(token)
    assert (head["typ"], head["alg"]) == ("at+jwt", "EdDSA")


def test_a_pending_token_says_so(person: Person) -> None:
    phone = person.new_handset()
    phone.log_in().expect(200)
    claims = claims_of(phone.token)
    assert claims["scope"] == "pending"
    assert claims["email"] == person.email


def test_an_apps_token_tells_no_address(person: Person) -> None:
    assert "email" not in claims_of(app_token(person))


def test_every_token_has_another_jti(person: Person) -> None:
    seen = {claims_of(person.handset.refresh().json["access_token"])["jti"] for _ in range(3)}
    assert len(seen) == 3


def test_anybody_can_check_a_token_with_the_published_keys(person: Person) -> None:
    keys = person.wire.request("GET", JWKS, headers={}, body=None).expect(200).json
    kid = jwt.get_unverified_header(person.handset.token)["kid"]
    [key] = [jwt.PyJWK(key) for key in keys["keys"] if key["kid"] == kid]
    claims = jwt.decode(
        person.handset.token,
        key,
        algorithms=["EdDSA"],
        audience=person.wire.origin,
        issuer=person.wire.origin,
    )
    assert claims["sub"] == person.id


def test_no_token_is_stored(person: Person) -> None:
    token = person.handset.token
    rows = [str(vars(row)) for model in (Device, TokenKey) for row in model.objects.all()]
    assert rows
    assert not any(token in row or token.split(".")[2] in row for row in rows)


def test_a_token_by_a_worker_whose_clock_is_a_moment_ahead_is_let_in(person: Person) -> None:
    ahead = forged(person, iat=int(time.time()) + 5)
    person.handset.call("GET", "me", token=ahead).expect(200)


def test_a_token_that_was_checked_is_let_in_without_reading_a_table(
    person: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    tokens.check(person.handset.token)
    state.standing(DeviceHash(person.handset.hash))
    with django_assert_num_queries(0):
        claims = tokens.check(person.handset.token)
        assert state.standing(claims.device).state == "active"


# --- The published keys and their rotation --------------------------------------------------------


def published(wire: DjangoWire) -> list[dict[str, str]]:
    answer = wire.request("GET", JWKS, headers={}, body=None).expect(200)
    keys: list[dict[str, str]] = answer.json["keys"]
    return keys


def test_published_keys_hold_nothing_private(person: Person, wire: DjangoWire) -> None:
    for key in published(wire):
        assert key.keys() == {"kty", "crv", "x", "kid", "use", "alg"}
        assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")


def test_after_a_rotation_older_tokens_stay_good_and_new_ones_are_signed_by_the_new_key(
    person: Person, wire: DjangoWire
) -> None:
    older = person.handset.token
    call_command("rotate_token_key")
    token_keys.forget()
    person.handset.call("GET", "me", token=older).expect(200)
    newer = person.handset.refresh().json["access_token"]
    kids = [jwt.get_unverified_header(token)["kid"] for token in (older, newer)]
    assert kids[0] != kids[1]
    assert {key["kid"] for key in published(wire)} == set(kids)
    person.handset.call("GET", "me").expect(200)


def test_a_rotation_wipes_the_private_half_of_the_older_key(person: Person) -> None:
    [older] = TokenKey.objects.filter(private__isnull=False)
    call_command("rotate_token_key")
    [wiped] = TokenKey.objects.filter(private__isnull=True)
    assert wiped == older
    assert wiped.retired_at is not None


def test_a_withdrawn_key_takes_its_tokens_with_it_even_those_that_were_let_in(
    person: Person, wire: DjangoWire
) -> None:
    older = person.handset.token
    person.handset.call("GET", "me").expect(200)
    call_command("rotate_token_key", "--withdraw")
    token_keys.forget()
    assert refused(person, older) == INVALID
    assert len(published(wire)) == 1
    person.handset.refresh().expect(200)
    person.handset.call("GET", "me").expect(200)


def test_a_worker_that_has_not_heard_of_a_new_key_takes_its_tokens_at_once(person: Person) -> None:
    person.handset.call("GET", "me").expect(200)
    held = token_keys._held
    assert held is not None
    call_command("rotate_token_key")
    token_keys.forget()
    token = person.handset.refresh().json["access_token"]
    token_keys._held = held  # as another worker holds the keys, read a moment before the rotation
    person.handset.call("GET", "me", token=token).expect(200)


def test_a_key_that_retired_more_than_a_year_ago_is_published_no_longer(
    person: Person, wire: DjangoWire
) -> None:
    call_command("rotate_token_key")
    retired = TokenKey.objects.exclude(retired_at=None).get()
    TokenKey.objects.filter(pk=retired.pk).update(
        retired_at=retired.created_at - token_keys.PUBLISHED_AFTER_RETIREMENT
    )
    assert str(retired.pk) not in {key["kid"] for key in published(wire)}
