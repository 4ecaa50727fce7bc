"""One signature, by the key and algorithm that it says; and evidence, which nothing else can make."""

import copy
import pickle
from dataclasses import replace

import pytest

from activitypub.protocol.signatures.policy import (
    MAX_KEY_ID_CHARACTERS,
    Claim,
    Rejected,
    Scheme,
    Verified,
    check,
    read_claim,
)
from activitypub.protocol.signatures.reasons import Reason
from tests.activitypub.protocol.signatures.people import (
    KEY_ID,
    NOW,
    ed25519_key,
    header_of,
    outcome,
    p256_key,
    post,
    rsa_key,
    signed_cavage,
    signed_rfc9421,
    with_header,
)

# ---- keys and algorithms --------------------------------------------------------------------


def test_an_rsa_key_of_less_than_2048_bits_is_too_small() -> None:
    small = rsa_key(1024)
    for sign in (signed_cavage, signed_rfc9421):
        assert outcome(sign(post(), small), small) == Rejected(Reason.KEY_TOO_SMALL)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("rsa-sha512", Reason.ALGORITHM_UNSUPPORTED),
        ("rsa-sha1", Reason.ALGORITHM_UNSUPPORTED),
        ("hmac-sha256", Reason.ALGORITHM_UNSUPPORTED),
        ("", Reason.ALGORITHM_UNSUPPORTED),
        ("ed25519", Reason.ALGORITHM_MISMATCH),
    ],
)
def test_an_algorithm_that_is_not_the_keys_is_refused(name: str, reason: Reason) -> None:
    signed = signed_cavage(post())
    other = header_of(signed, "Signature").replace('"rsa-sha256"', f'"{name}"')
    assert outcome(with_header(signed, "Signature", other)) == Rejected(reason)


@pytest.mark.parametrize("name", [None, "hs2019", "RSA-SHA256"])
def test_an_algorithm_that_is_left_to_the_key_is_the_keys(name: str | None) -> None:
    signed = signed_cavage(post())
    named = f'algorithm="{name}",' if name else ""
    other = header_of(signed, "Signature").replace('algorithm="rsa-sha256",', named)
    assert isinstance(outcome(with_header(signed, "Signature", other)), Verified)


@pytest.mark.parametrize(
    ("alg", "reason"),
    [
        ("rsa-pss-sha512", Reason.ALGORITHM_UNSUPPORTED),
        ("hmac-sha256", Reason.ALGORITHM_UNSUPPORTED),
        ("ecdsa-p256-sha256", Reason.ALGORITHM_UNSUPPORTED),
        ("none", Reason.ALGORITHM_UNSUPPORTED),
        ("ed25519", Reason.ALGORITHM_MISMATCH),
    ],
)
def test_a_message_signature_by_an_algorithm_that_the_fediverse_has_not_is_refused(
    alg: str, reason: Reason
) -> None:
    signed = signed_rfc9421(post())
    named = header_of(signed, "Signature-Input") + f';alg="{alg}"'
    assert outcome(with_header(signed, "Signature-Input", named)) == Rejected(reason)


def test_an_elliptic_curve_of_another_kind_signs_no_request() -> None:
    for sign in (signed_cavage, signed_rfc9421):
        assert outcome(sign(post(), p256_key()), p256_key()) == Rejected(Reason.ALGORITHM_UNSUPPORTED)


def test_a_claim_checked_with_a_key_of_another_kind_is_refused() -> None:
    """A key cannot be tricked into reading another kind's signature."""
    assert outcome(signed_cavage(post()), ed25519_key()) == Rejected(Reason.ALGORITHM_MISMATCH)
    assert outcome(signed_rfc9421(post()), ed25519_key()) == Rejected(Reason.SIGNATURE_INVALID)


# ---- one signature, of one kind -------------------------------------------------------------


def test_several_signatures_are_refused_rather_than_one_chosen() -> None:
    signed = signed_cavage(post())
    twice = replace(signed, headers=(*signed.headers, ("Signature", header_of(signed, "Signature"))))
    assert outcome(twice) == Rejected(Reason.SEVERAL_SIGNATURES)
    signed = signed_rfc9421(post())
    for name in ("Signature-Input", "Signature"):
        value = header_of(signed, name)
        signed = with_header(signed, name, f"{value}, {value.replace('sig1', 'sig2', 1)}")
    assert outcome(signed) == Rejected(Reason.SEVERAL_SIGNATURES)


@pytest.mark.parametrize("flags", [";sf", ';key="sha-256"', ";bs", ";tr", ";req"])
def test_a_component_that_is_covered_in_part_or_elsewhere_is_refused(flags: str) -> None:
    signed = signed_rfc9421(post())
    weaker = header_of(signed, "Signature-Input").replace('"content-digest"', f'"content-digest"{flags}')
    found = outcome(with_header(signed, "Signature-Input", weaker))
    assert found == Rejected(Reason.COMPONENT_UNSUPPORTED)


@pytest.mark.parametrize("key_id", ["", "https://a.example/" + "x" * MAX_KEY_ID_CHARACTERS, "a b", "a\x00b"])
def test_a_key_id_that_names_nothing_is_refused(key_id: str) -> None:
    signed = signed_cavage(post())
    other = header_of(signed, "Signature").replace(KEY_ID, key_id)
    found = outcome(with_header(signed, "Signature", other))
    assert isinstance(found, Rejected)
    assert found.reason in (Reason.KEY_ID_MALFORMED, Reason.SIGNATURE_MALFORMED)


@pytest.mark.parametrize(
    "key_id", ["https://remote.example/actor", "acct:bob@remote.example", "https://a.example/k?x=1"]
)
def test_a_key_id_may_be_any_address(key_id: str) -> None:
    signed = signed_cavage(post())
    claim = read_claim(
        with_header(signed, "Signature", header_of(signed, "Signature").replace(KEY_ID, key_id)), NOW
    )
    assert isinstance(claim, Claim)
    assert claim.key_id == key_id


def test_a_message_signature_that_names_no_key_is_refused() -> None:
    signed = signed_rfc9421(post())
    nameless = header_of(signed, "Signature-Input").replace(f';keyid="{KEY_ID}"', "")
    assert outcome(with_header(signed, "Signature-Input", nameless)) == Rejected(Reason.KEY_ID_MALFORMED)


# ---- evidence -------------------------------------------------------------------------------


def test_evidence_is_made_by_checking_and_in_no_other_way() -> None:
    claim = read_claim(signed_cavage(post()), NOW)
    assert isinstance(claim, Claim)
    key = rsa_key().public_key()
    with pytest.raises(TypeError):
        Verified(claim, key, object())
    with pytest.raises(TypeError):
        Verified(claim, key, None)
    verified = check(claim, key, NOW)
    assert isinstance(verified, Verified)
    with pytest.raises(ValueError, match="seal"):
        replace(verified, key=rsa_key(name="mallory").public_key())  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="seal"):
        replace(claim, key_id="https://victim.example/actor#main-key")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Claim(post(), Scheme.CAVAGE, KEY_ID, None, NOW, None, (b"",), b"", None)


def test_evidence_cannot_be_changed() -> None:
    verified = outcome(signed_cavage(post()))
    assert isinstance(verified, Verified)
    with pytest.raises(AttributeError):
        verified.claim = None  # type: ignore[misc, assignment]
    with pytest.raises(AttributeError):
        verified.request.body = b"{}"  # type: ignore[misc]
    assert copy.copy(verified) == verified
    with pytest.raises(TypeError):
        pickle.dumps(verified)


def test_reasons_are_stable_words() -> None:
    assert all(reason.value.replace("_", "").isalpha() and reason.value.islower() for reason in Reason)
    assert len({reason.value for reason in Reason}) == len(Reason)
