"""Every published request signed by draft-cavage, with the outcome that its file says."""

from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from activitypub.protocol.signatures import cavage
from activitypub.protocol.signatures.algorithms import Algorithm
from activitypub.protocol.signatures.cavage import (
    CavageSignature,
    algorithm_for,
    parse,
    signing_string,
    verify,
)
from activitypub.protocol.signatures.digests import check_digest
from activitypub.protocol.signatures.keys import (
    PrivateKey,
    PublicKey,
    private_key_from_vault,
    public_key_from_pem,
)
from activitypub.protocol.signatures.messages import SignedRequest
from activitypub.protocol.signatures.policy import Claim, Rejected, Verified, check, read_claim
from activitypub.protocol.signatures.reasons import Reason, SignatureError
from tests.activitypub.protocol.signatures.vectors import Case, cases, clock, header, load, request_of

pytestmark = pytest.mark.needs("vectors")

DRAFT_DATE = clock("2014-01-05T21:31:40Z")


def draft_key() -> PublicKey:
    return public_key_from_pem(load("cavage-12.json")["keys"]["Test"]["public_pem"])


def draft_private_key() -> PrivateKey:
    return private_key_from_vault(
        b64decode(load("cavage-12.json")["keys"]["Test"]["private_pkcs8_der_base64"])
    )


def with_signature(case: Case, value: str) -> SignedRequest:
    """A case's request with this Signature header."""
    request = request_of(case["request"])
    return replace(request, headers=(*request.headers, ("Signature", value)))


def test_the_drafts_own_examples_verify_over_the_strings_that_they_print() -> None:
    key = draft_key()
    seen = set()
    for case in cases("cavage-12.json"):
        request = request_of(case["request"])
        signature = parse(case["signature_header"])
        assert signature.headers == tuple(case["signed_headers"]), case["id"]
        assert signing_string(request, signature).decode() == case["signing_string"], case["id"]
        assert signature.signature == b64decode(case["signature"])
        assert case["expect"]["signature"] == "valid"
        verify(request, signature, key)
        seen.add(case["id"])
    assert len(seen) == 5


def test_the_drafts_examples_are_made_again_to_the_byte() -> None:
    private = private_key_from_vault(
        b64decode(load("cavage-12.json")["keys"]["Test"]["private_pkcs8_der_base64"])
    )
    for case in cases("cavage-12.json"):
        made = cavage.sign(request_of(case["request"]), private, "Test", case["signed_headers"])
        assert parse(made).signature == b64decode(case["signature"]), case["id"]


def test_the_drafts_example_of_all_headers_is_broken_since_it_names_two_that_it_did_not_sign() -> None:
    key = draft_key()
    (case,) = [case for case in cases("cavage-12.json") if case["id"] == "c3-all-headers-consistent"]
    names = "(request-target) (created) (expires) host date content-type digest content-length"
    parameters = f'keyId="Test",created=1402170695,expires=1402170699,headers="{names}"'
    as_printed = f'{parameters},signature="{case["signature"]}"'
    with pytest.raises(SignatureError, match="signature_invalid"):
        verify(request_of(case["request"]), parse(as_printed), key)


def test_the_drafts_key_of_1024_bits_is_too_small_for_an_inbox() -> None:
    """Its signatures hold. What an inbox wants of a key is another matter."""
    key = draft_key()
    private = private_key_from_vault(
        b64decode(load("cavage-12.json")["keys"]["Test"]["private_pkcs8_der_base64"])
    )
    (case,) = [case for case in cases("cavage-12.json") if case["id"] == "c3-all-headers-consistent"]
    covered = ["(request-target)", "host", "date", "digest"]
    signed = with_signature(case, cavage.sign(request_of(case["request"]), private, "Test", covered))
    claim = read_claim(signed, DRAFT_DATE)
    assert isinstance(claim, Claim)
    assert check(claim, key, DRAFT_DATE) == Rejected(Reason.KEY_TOO_SMALL)


def test_an_inbox_refuses_the_drafts_examples_which_sign_too_little() -> None:
    reasons = {}
    for case in cases("cavage-12.json"):
        found = read_claim(with_signature(case, case["signature_header"]), DRAFT_DATE)
        if isinstance(found, Rejected):
            reasons[case["id"]] = found.reason
    assert reasons == {
        "c1-default": Reason.TARGET_NOT_SIGNED,
        "c2-basic": Reason.DIGEST_NOT_SIGNED,
        "draft08-default": Reason.TARGET_NOT_SIGNED,
        "draft08-basic": Reason.DIGEST_NOT_SIGNED,
    }


# ---- the suite of the W3C -------------------------------------------------------------------

SUITE_REFUSALS = {
    "w3c-basic-request": Reason.UNSIGNED,
    "w3c-default-test": Reason.UNSIGNED,
    "w3c-ignore-case": Reason.UNSIGNED,
    "w3c-created": Reason.TARGET_NOT_SIGNED,
    "w3c-created-ecdsa": Reason.TARGET_NOT_SIGNED,
    "w3c-created-hmac": Reason.TARGET_NOT_SIGNED,
    "w3c-expires": Reason.TARGET_NOT_SIGNED,
    "w3c-duplicate-headers-request": Reason.SIGNATURE_MALFORMED,
    "w3c-nokeyid-request": Reason.SIGNATURE_MALFORMED,
    "w3c-nosignature-request": Reason.SIGNATURE_MALFORMED,
    "w3c-ecdsa-signed": Reason.TARGET_NOT_SIGNED,
    "w3c-p256-signed": Reason.TARGET_NOT_SIGNED,
    "w3c-rsa-signed": Reason.TARGET_NOT_SIGNED,
}


def suite(name: str) -> Case:
    (case,) = [case for case in cases("cavage-w3c-suite.json") if case["id"] == name]
    return case


def test_an_inbox_takes_nothing_of_the_w3c_suite() -> None:
    found = {}
    for case in cases("cavage-w3c-suite.json"):
        claim = read_claim(request_of(case["request"]), DRAFT_DATE)
        assert isinstance(claim, Rejected), case["id"]
        found[case["id"]] = claim.reason
    assert found == SUITE_REFUSALS


@pytest.mark.parametrize("name", ["w3c-created-ecdsa", "w3c-created-hmac", "w3c-expires"])
def test_a_time_is_not_signed_by_the_old_algorithms_nor_where_it_is_not_given(name: str) -> None:
    case = suite(name)
    signature = parse(header(case["request"], "authorization").removeprefix("Signature "))
    with pytest.raises(SignatureError, match="signature_malformed"):
        signing_string(request_of(case["request"]), signature)


def test_a_time_is_signed_where_the_key_says_the_algorithm() -> None:
    case = suite("w3c-created")
    signature = parse(header(case["request"], "authorization").removeprefix("Signature "))
    assert signing_string(request_of(case["request"]), signature) == b"(created): 1"


def test_names_of_headers_are_signed_in_lower_case() -> None:
    case = suite("w3c-ignore-case")
    signature = CavageSignature("test", None, ("host", "content-type", "digest", "content-length"), b"")
    assert signing_string(request_of(case["request"]), signature).decode() == (
        "host: example.com\ncontent-type: application/json\n"
        "digest: SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=\ncontent-length: 18"
    )


def test_the_signed_messages_of_the_w3c_suite_are_broken_and_verify_with_none_of_its_keys() -> None:
    keys = [
        load_pem_public_key(key["public_pem"].encode())
        for key in load("cavage-w3c-suite.json")["keys"].values()
    ]
    tried = 0
    for case in cases("cavage-w3c-suite.json"):
        if "signing_string" not in case:
            continue
        assert case["expect"]["signature"] == "unverified by collector"
        request = request_of(case["request"])
        signature = parse(header(case["request"], "authorization").removeprefix("Signature "))
        assert signing_string(request, signature).decode() == case["signing_string"]
        for key in keys:
            for arguments in _ways(key):
                with pytest.raises(InvalidSignature):
                    key.verify(signature.signature, case["signing_string"].encode(), *arguments)  # type: ignore[union-attr]
                tried += 1
    assert tried > 12


def _ways(key: object) -> list[tuple[Any, ...]]:
    if isinstance(key, RSAPublicKey):
        return [(padding.PKCS1v15(), SHA256()), (padding.PKCS1v15(), SHA512())]
    if isinstance(key, EllipticCurvePublicKey):
        return [(ec.ECDSA(SHA256()),), (ec.ECDSA(SHA512()),)]
    return [()]


# ---- requests of other servers --------------------------------------------------------------


def test_requests_of_other_servers_verify_or_are_refused_as_their_file_says() -> None:
    keys = load("other-servers.json")["keys"]
    outcomes = []
    for case in cases("other-servers.json"):
        request = request_of(case["request"])
        expected = case["expect"].get("signature")
        if expected == "valid":
            signature = parse(header(case["request"], "signature"))
            for name in case.get("keys_that_verify", [case["key"]]):
                verify(request, signature, public_key_from_pem(keys[name]["public_pem"]))
            assert signing_string(request, signature).decode() == case["signing_string"], case["id"]
        elif expected == "invalid":
            assert isinstance(read_claim(request, clock("2024-03-05T07:49:44Z")), Rejected), case["id"]
        else:
            assert case["expect"] == {"digest": "valid"}
            check_digest(header(case["request"], "digest"), request.body)
        outcomes.append(expected)
    assert sorted(map(str, outcomes)) == ["None"] + ["invalid"] * 2 + ["valid"] * 7


@pytest.mark.parametrize("name", ["fedify-lowercase-sha-256", "takahe-known-good", "lemmy-hs2019"])
def test_an_inbox_takes_the_requests_of_other_servers_that_are_whole(name: str) -> None:
    (case,) = [case for case in cases("other-servers.json") if case["id"] == name]
    now = clock(case["clock"])
    claim = read_claim(request_of(case["request"]), now)
    assert isinstance(claim, Claim)
    key = public_key_from_pem(load("other-servers.json")["keys"][case["key"]]["public_pem"])
    assert isinstance(check(claim, key, now), Verified)


def test_an_inbox_refuses_an_address_for_a_target_and_a_digest_in_hex_though_the_signature_holds() -> None:
    (case,) = [case for case in cases("other-servers.json") if case["id"].startswith("akkoma")]
    request, now = request_of(case["request"]), clock("2019-08-23T18:11:24Z")
    assert read_claim(request, now) == Rejected(Reason.WRONG_HOST)
    assert read_claim(replace(request, target="/inbox"), now) == Rejected(Reason.DIGEST_MISMATCH)


def test_the_algorithm_that_verifies_is_the_one_that_the_file_says() -> None:
    for case in [*cases("cavage-12.json"), *cases("other-servers.json")]:
        if "algorithm_actual" in case:
            assert case["algorithm_actual"] == "rsa-sha256"
            key = draft_key()
            assert algorithm_for(case.get("algorithm_param"), key) is Algorithm.RSA_V1_5_SHA256
