"""Reading a proof of possession: each claim of RFC 9449, wrong in every way it can be."""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.protocol import dpop
from devices.protocol.dpop import ProofInvalid, read_proof
from tests.people import b64url, jwk_of, make_proof, sign_jwt, thumbprint

NOW = 1_800_000_000
URL = "https://example.org/api/hvx/v1/sessions"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
TOKEN = "header.payload.signature"


def read(text: str, **changes: Any) -> dpop.Proof:
    given: dict[str, Any] = {"method": "POST", "addresses": (URL,), "now": float(NOW), **changes}
    return read_proof(text, **given)


def made(**members: Any) -> str:
    return make_proof(KEY, "POST", URL, **{"iat": NOW, "nonce": "n", **members})


WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another method": {"htm": "GET"},
    "the method in small letters": {"htm": "post"},
    "no method": {"htm": None},
    "a method that is no text": {"htm": 1},
    "another path": {"htu": "https://example.org/api/hvx/v1/accounts"},
    "another host": {"htu": "https://example.net/api/hvx/v1/sessions"},
    "another scheme": {"htu": "http://example.org/api/hvx/v1/sessions"},
    "another port": {"htu": "https://example.org:8443/api/hvx/v1/sessions"},
    "a slash more": {"htu": URL + "/"},
    "a path alone": {"htu": "/api/hvx/v1/sessions"},
    "no address": {"htu": None},
    "an address that is no text": {"htu": [URL]},
    "made 61 seconds ago": {"iat": NOW - 61},
    "made in 61 seconds": {"iat": NOW + 61},
    "no time": {"iat": None},
    "a time that is text": {"iat": str(NOW)},
    "a time that is a truth": {"iat": True},
    "a time that is no number": {"iat": float("nan")},
    "a time without end": {"iat": float("inf")},
    "a time of four hundred digits": {"iat": 10**400},
    "no jti": {"jti": None},
    "an empty jti": {"jti": ""},
    "a jti that is a number": {"jti": 7},
    "a jti that is too long": {"jti": "x" * 129},
    "a jti that is half a character": {"jti": "\ud800"},
    "a nonce that is a number": {"nonce": 7},
}


@pytest.mark.parametrize("fault", WRONG_CLAIMS)
def test_a_proof_is_refused_with(fault: str) -> None:
    with pytest.raises(ProofInvalid):
        read(made(**WRONG_CLAIMS[fault]))


WRONG_HEADERS: dict[str, dict[str, Any]] = {
    "no typ": {"typ": None},
    "the typ of a token": {"typ": "at+jwt"},
    "typ JWT": {"typ": "JWT"},
    "alg none": {"alg": "none"},
    "alg HS256": {"alg": "HS256"},
    "alg ES256": {"alg": "ES256"},
    "no alg": {"alg": None},
    "no jwk": {"jwk": None},
    "a jwk that is text": {"jwk": b64url(PUBLIC)},
    "a jwk with its private half": {"jwk": jwk_of(PUBLIC) | {"d": b64url(bytes(32))}},
    "a jwk of another curve": {"jwk": jwk_of(PUBLIC) | {"crv": "X25519"}},
    "a jwk of another type": {"jwk": jwk_of(PUBLIC) | {"kty": "EC"}},
    "a jwk without x": {"jwk": {"kty": "OKP", "crv": "Ed25519"}},
    "a jwk whose x is a number": {"jwk": jwk_of(PUBLIC) | {"x": 7}},
    "a jwk whose x is padded": {"jwk": jwk_of(PUBLIC) | {"x": b64url(PUBLIC) + "="}},
    "a jwk whose x is short": {"jwk": jwk_of(PUBLIC) | {"x": b64url(PUBLIC[:31])}},
    "a jwk whose x is long": {"jwk": jwk_of(PUBLIC) | {"x": b64url(PUBLIC + b"x")}},
    "another's jwk": {"jwk": jwk_of(OTHER.public_key().public_bytes_raw())},
    "extensions that must be understood": {"crit": ["b64"], "b64": True},
    "a payload that is not encoded": {"b64": False},
}


@pytest.mark.parametrize("fault", WRONG_HEADERS)
def test_a_header_is_refused_with(fault: str) -> None:
    with pytest.raises(ProofInvalid):
        read(made(header=WRONG_HEADERS[fault]))


def _unsigned() -> str:
    head = {"typ": "dpop+jwt", "alg": "none", "jwk": jwk_of(PUBLIC)}
    return made().replace(made().split(".")[0], b64url(json.dumps(head).encode())).rsplit(".", 1)[0] + "."


def _keyed_by_the_public_key() -> str:
    head = {"typ": "dpop+jwt", "alg": "HS256", "jwk": jwk_of(PUBLIC)}
    body = {"htm": "POST", "htu": URL, "iat": NOW, "jti": "a", "nonce": "n"}
    signed = ".".join(b64url(json.dumps(part).encode()) for part in (head, body))
    return f"{signed}.{b64url(hmac.digest(PUBLIC, signed.encode(), 'sha256'))}"


def _by_ecdsa() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    body = {"htm": "POST", "htu": URL, "iat": NOW, "jti": "a", "nonce": "n"}
    return jwt.encode(body, key, algorithm="ES256", headers={"typ": "dpop+jwt", "jwk": jwk})


def _by_rsa() -> str:
    key = rsa.generate_private_key(65537, 2048)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    body = {"htm": "POST", "htu": URL, "iat": NOW, "jti": "a", "nonce": "n"}
    return jwt.encode(body, key, algorithm="RS256", headers={"typ": "dpop+jwt", "jwk": jwk})


def _deep_header() -> str:
    return f"{b64url(b'[' * 2000 + b']' * 2000)}.e30.AA"


GARBAGE = {
    "nothing": "",
    "a word": "proof",
    "two parts": "e30.e30",
    "four parts": made() + ".AA",
    "two proofs": f"{made()}, {made()}",
    "a header that is a list": f"{b64url(b'[]')}.e30.AA",
    "a header that is no JSON": f"{b64url(b'{')}.e30.AA",
    "a header that is no UTF-8": f"{b64url(bytes([0xFF, 0xFE]))}.e30.AA",
    "letters beyond ASCII": "ä.ö.ü",
    "a payload that is a list": sign_jwt(KEY, {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk_of(PUBLIC)}, []),
    "a payload that is text": sign_jwt(KEY, {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk_of(PUBLIC)}, "x"),
    "a signature that is cut": made()[:-4],
    "a signature of zeros": made().rsplit(".", 1)[0] + "." + b64url(bytes(64)),
    "more characters than are read": made(padding="x" * 4096),
    "no signature at all": _unsigned(),
    "a MAC under the public key": _keyed_by_the_public_key(),
    "an ECDSA key": _by_ecdsa(),
    "an RSA key": _by_rsa(),
    "a deep header": _deep_header(),
}


@pytest.mark.parametrize("fault", GARBAGE)
def test_no_proof_is(fault: str) -> None:
    with pytest.raises(ProofInvalid):
        read(GARBAGE[fault])


def test_a_payload_changed_after_signing_is_refused() -> None:
    head, body, signature = made().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = b64url(json.dumps(claims | {"jti": "other"}).encode())
    with pytest.raises(ProofInvalid):
        read(f"{head}.{changed}.{signature}")


@pytest.mark.parametrize("ath", [None, "", "x", 7, b64url(hashlib.sha256(b"another").digest()), "ä"])
def test_with_a_bound_token_a_proof_is_refused_with_another_ath(ath: object) -> None:
    with pytest.raises(ProofInvalid, match="ath"):
        read(made(ath=ath), access_token=TOKEN)


@pytest.mark.parametrize("age", [-60, 0, 60])
def test_a_proof_made_within_a_minute_holds(age: int) -> None:
    proof = read(made(iat=NOW - age, jti="once"))
    assert proof == dpop.Proof(key=PUBLIC, jkt=dpop.thumbprint(PUBLIC), jti="once", nonce="n")


@pytest.mark.parametrize("tail", ["?key_backed_up=true", "#there", "?a#b"])
def test_query_and_fragment_of_the_address_do_not_count(tail: str) -> None:
    assert read(made(htu=URL + tail)).key == PUBLIC


def test_a_clock_of_the_clients_making_widens_nothing() -> None:
    with pytest.raises(ProofInvalid):
        read(made(iat=NOW - 61, exp=NOW + 3600, nbf=0))
    assert read(made(exp=1, nbf=NOW + 3600)).key == PUBLIC


def test_one_of_several_addresses_is_enough() -> None:
    assert read(made(), addresses=("http://example.org/other", URL)).key == PUBLIC


def test_with_a_bound_token_its_own_ath_holds() -> None:
    assert read(made(token=TOKEN), access_token=TOKEN).key == PUBLIC


def test_no_refusal_quotes_the_proof() -> None:
    for claims in WRONG_CLAIMS.values():
        text = made(**{"jti": "quoted", **claims})
        with pytest.raises(ProofInvalid) as refused:
            read(text)
        assert "quoted" not in str(refused.value)
        assert text not in str(refused.value)


def test_the_access_token_hash_is_the_one_of_rfc_9449_section_7_1() -> None:
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
    assert dpop.access_token_hash(token) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


def test_the_thumbprint_is_the_one_of_rfc_8037_appendix_a_3() -> None:
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    public = base64.urlsafe_b64decode(x + "=")
    assert dpop.thumbprint(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert thumbprint(public) == dpop.thumbprint(public)


# --- Nonces ------------------------------------------------------------------------------------

NONCE_KEY = bytes(32)


@pytest.mark.parametrize("age", [61, 3600, -6, -3600])
def test_a_nonce_is_stale_after_a_minute_and_none_comes_from_the_future(age: int) -> None:
    assert not dpop.nonce_is_fresh(dpop.make_nonce(NONCE_KEY, NOW - age), NONCE_KEY, NOW)


@pytest.mark.parametrize(
    "nonce",
    [
        "",
        "AAAA",
        "not base64url!",
        "\ud800",
        b64url(NOW.to_bytes(4, "big") + bytes(16)),
        dpop.make_nonce(bytes(31) + b"\x01", NOW),
        dpop.make_nonce(NONCE_KEY, NOW) + "AAAA",
        dpop.make_nonce(NONCE_KEY, NOW)[:-4],
        dpop.make_nonce(NONCE_KEY, NOW) + "=",
    ],
)
def test_a_forged_nonce_is_not_fresh(nonce: str) -> None:
    assert not dpop.nonce_is_fresh(nonce, NONCE_KEY, NOW)


def test_the_time_in_a_nonce_cannot_be_changed() -> None:
    old = base64.urlsafe_b64decode(dpop.make_nonce(NONCE_KEY, NOW - 300) + "=")
    renewed = b64url(NOW.to_bytes(4, "big") + old[4:])
    assert not dpop.nonce_is_fresh(renewed, NONCE_KEY, NOW)


@pytest.mark.parametrize("age", [-5, 0, 60])
def test_a_nonce_is_fresh_for_a_minute(age: int) -> None:
    assert dpop.nonce_is_fresh(dpop.make_nonce(NONCE_KEY, NOW - age), NONCE_KEY, NOW)
