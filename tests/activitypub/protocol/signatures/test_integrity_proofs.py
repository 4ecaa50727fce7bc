"""Documents that carry their own signature."""

import json
from dataclasses import replace
from typing import Any

import pytest

from activitypub.protocol.signatures.integrity_proofs import (
    CONTEXT,
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_METHOD_CHARACTERS,
    MAX_VALUES,
    ProofClaim,
    ProvenDocument,
    check_proof,
    read_proof,
    with_proof,
)
from activitypub.protocol.signatures.keys import multibase
from activitypub.protocol.signatures.policy import Rejected
from activitypub.protocol.signatures.reasons import Reason, SignatureError
from tests.activitypub.protocol.signatures.people import NOW, ed25519_key, rsa_key

METHOD = "https://hvx.example/users/alice#ed25519-key"
NOTE: dict[str, Any] = {
    "@context": ["https://www.w3.org/ns/activitystreams", {"extra": "https://hvx.example/ns#"}],
    "id": "https://hvx.example/notes/1",
    "type": "Note",
    "content": "<p>caf\u00e9 \U0001f600</p>",
    "latitude": -71.184902,
    "count": 1e21,
    "tag": [],
    "summary": None,
    "sensitive": False,
}


def proven(document: dict[str, Any] = NOTE) -> dict[str, Any]:
    return with_proof(document, ed25519_key(), METHOD, NOW)


def outcome(document: dict[str, Any], now: float = NOW) -> ProvenDocument | Rejected:
    claim = read_proof(document, now)
    if isinstance(claim, Rejected):
        return claim
    return check_proof(claim, ed25519_key().public_key(), now)


def with_proof_changed(**change: Any) -> dict[str, Any]:
    document = proven()
    proof = {**document["proof"], **change}
    return {**document, "proof": {name: value for name, value in proof.items() if value is not ...}}


def test_a_document_that_was_sent_as_json_is_proven() -> None:
    found = outcome(json.loads(json.dumps(proven())))
    assert isinstance(found, ProvenDocument)
    assert found.claim.verification_method == METHOD
    assert found.claim.created == NOW
    assert found.claim.document["id"] == NOTE["id"]
    assert found.key == ed25519_key().public_key()


def test_the_order_of_members_means_nothing() -> None:
    assert isinstance(outcome(dict(reversed(proven().items()))), ProvenDocument)


def test_a_document_without_context_is_proven_too() -> None:
    assert isinstance(outcome(proven({"type": "Note"})), ProvenDocument)


def test_a_proof_of_ours_replaces_one_that_was_there() -> None:
    again = with_proof(proven(), ed25519_key("other"), METHOD, NOW)
    claim = read_proof(again, NOW)
    assert isinstance(claim, ProofClaim)
    assert isinstance(check_proof(claim, ed25519_key("other").public_key(), NOW), ProvenDocument)


@pytest.mark.parametrize(
    "change",
    [{"content": "other"}, {"new": 1}, {"summary": ""}, {"latitude": -71.1849020001}, {"tag": [None]}],
    ids=lambda change: str(next(iter(change))),
)
def test_a_document_that_was_changed_is_not_proven(change: dict[str, Any]) -> None:
    assert outcome({**proven(), **change}) == Rejected(Reason.SIGNATURE_INVALID)


@pytest.mark.parametrize("name", ["content", "summary", "tag"])
def test_a_document_that_lost_a_member_is_not_proven(name: str) -> None:
    document = proven()
    del document[name]
    assert outcome(document) == Rejected(Reason.SIGNATURE_INVALID)


def test_what_the_proof_says_of_itself_is_signed_too() -> None:
    for change in (
        {"verificationMethod": "https://evil.example/users/mallory#key"},
        {"created": "2026-09-21T14:13:21Z"},
        {"created": ...},
        {"expires": "2030-01-01T00:00:00Z"},
        {"domain": "hvx.example"},
        {"@context": ...},
    ):
        assert outcome(with_proof_changed(**change)) == Rejected(Reason.SIGNATURE_INVALID), change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"type": "Ed25519Signature2020"}, Reason.PROOF_UNSUPPORTED),
        ({"cryptosuite": "eddsa-rdfc-2022"}, Reason.PROOF_UNSUPPORTED),
        ({"cryptosuite": ["eddsa-jcs-2022"]}, Reason.PROOF_UNSUPPORTED),
        ({"proofPurpose": "authentication"}, Reason.PROOF_UNSUPPORTED),
        ({"proofPurpose": ...}, Reason.PROOF_UNSUPPORTED),
        ({"previousProof": "urn:x"}, Reason.PROOF_UNSUPPORTED),
        ({"verificationMethod": ...}, Reason.PROOF_MALFORMED),
        ({"verificationMethod": {"id": METHOD}}, Reason.PROOF_MALFORMED),
        ({"verificationMethod": "x" * (MAX_METHOD_CHARACTERS + 1)}, Reason.PROOF_MALFORMED),
        ({"proofValue": ...}, Reason.PROOF_MALFORMED),
        ({"proofValue": ""}, Reason.PROOF_MALFORMED),
        ({"proofValue": 1}, Reason.PROOF_MALFORMED),
        ({"proofValue": multibase(b"x" * 63)}, Reason.PROOF_MALFORMED),
        ({"proofValue": "z" + "1" * 1000}, Reason.PROOF_MALFORMED),
        ({"proofValue": "uAAAA"}, Reason.PROOF_MALFORMED),
        ({"proofValue": multibase(b"x" * 64)}, Reason.SIGNATURE_INVALID),
        ({"created": "yesterday"}, Reason.DATE_MALFORMED),
        ({"created": 5}, Reason.DATE_MALFORMED),
        ({"created": "0001-01-01T00:00:00+14:00"}, Reason.SIGNATURE_INVALID),
        ({"expires": "2026-09-21T14:13:19Z"}, Reason.EXPIRED),
        ({"created": "2026-09-21T15:13:21Z"}, Reason.NOT_YET_VALID),
        ({"@context": "https://www.w3.org/ns/activitystreams#"}, Reason.CONTEXT_MISMATCH),
        ({"x": 2**53}, Reason.PROOF_MALFORMED),
        ({"x": float("nan")}, Reason.PROOF_MALFORMED),
        ({"x": "\ud800"}, Reason.PROOF_MALFORMED),
        ({"x": b"bytes"}, Reason.PROOF_MALFORMED),
    ],
)
def test_a_proof_that_is_none_is_refused(change: dict[str, Any], reason: Reason) -> None:
    assert outcome(with_proof_changed(**change)) == Rejected(reason)


@pytest.mark.parametrize("proof", ["x", 1, ["x"], [[]], True])
def test_a_proof_of_another_shape_is_malformed(proof: Any) -> None:
    assert read_proof({**NOTE, "proof": proof}, NOW) == Rejected(Reason.PROOF_MALFORMED)


def test_one_proof_in_a_list_is_one_and_two_are_refused() -> None:
    document = proven()
    assert isinstance(outcome({**document, "proof": [document["proof"]]}), ProvenDocument)
    for proofs in ([], [document["proof"]] * 2):
        assert outcome({**document, "proof": proofs}) == Rejected(Reason.SEVERAL_SIGNATURES)


def test_contexts_may_be_added_behind_those_that_were_signed_and_nowhere_else() -> None:
    document = proven()
    more = "https://evil.example/context"
    signed = document["@context"]
    assert isinstance(outcome({**document, "@context": [*signed, more]}), ProvenDocument)
    for context in ([more, *signed], [signed[0], more, *signed[1:]], signed[:1], more, None):
        assert outcome({**document, "@context": context}) == Rejected(Reason.CONTEXT_MISMATCH), context


@pytest.mark.parametrize("context", ["https://www.w3.org/ns/activitystreams", NOTE["@context"], []])
def test_a_context_that_does_not_explain_proofs_gets_one_that_does(context: Any) -> None:
    before = context if isinstance(context, list) else [context]
    document = proven({**NOTE, "@context": context})
    assert document["@context"] == document["proof"]["@context"] == [*before, CONTEXT]
    assert isinstance(outcome(document), ProvenDocument)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_context_that_explains_proofs_stays_as_it_is(version: str) -> None:
    context = [f"https://w3id.org/security/data-integrity/{version}", "https://www.w3.org/ns/activitystreams"]
    assert proven({**NOTE, "@context": context})["@context"] == context


def test_a_document_without_context_gets_none() -> None:
    document = proven({name: value for name, value in NOTE.items() if name != "@context"})
    assert "@context" not in document
    assert isinstance(outcome(document), ProvenDocument)


def test_a_document_that_is_too_large_or_too_deep_is_not_canonicalised() -> None:
    deep: Any = "x"
    for _ in range(MAX_DEPTH + 1):
        deep = [deep]
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    for value in (["x"] * MAX_VALUES, "x" * MAX_CHARACTERS, {"x" * MAX_CHARACTERS: 1}, deep, cyclic):
        assert outcome({**proven(), "object": value}) == Rejected(Reason.TOO_LARGE)
        with pytest.raises(SignatureError, match="too_large"):
            proven({**NOTE, "object": value})


def test_a_document_as_deep_as_parsers_go_is_refused_without_recursion() -> None:
    document = json.loads('{"a":' * 900 + "1" + "}" * 900)
    assert read_proof({**document, "proof": proven()["proof"]}, NOW) == Rejected(Reason.CONTEXT_MISMATCH)
    proof = {**proven({"type": "Note"})["proof"]}
    assert read_proof({**document, "proof": proof}, NOW) == Rejected(Reason.TOO_LARGE)


def test_a_document_without_a_proof_is_unsigned() -> None:
    assert read_proof(NOTE, NOW) == Rejected(Reason.UNSIGNED)
    assert read_proof({**NOTE, "proof": None}, NOW) == Rejected(Reason.UNSIGNED)


def test_a_linked_data_signature_is_recognised_and_never_trusted() -> None:
    signature = {"type": "RsaSignature2017", "creator": METHOD, "signatureValue": "AAAA"}
    assert read_proof({**NOTE, "signature": signature}, NOW) == Rejected(Reason.LINKED_DATA_SIGNATURE)
    assert isinstance(outcome(proven({**NOTE, "signature": signature})), ProvenDocument)


def test_another_key_proves_nothing() -> None:
    claim = read_proof(proven(), NOW)
    assert isinstance(claim, ProofClaim)
    assert check_proof(claim, ed25519_key("mallory").public_key(), NOW) == Rejected(Reason.SIGNATURE_INVALID)
    assert check_proof(claim, rsa_key().public_key(), NOW) == Rejected(Reason.ALGORITHM_MISMATCH)


def test_a_claim_that_waited_for_its_key_too_long_is_refused() -> None:
    claim = read_proof(with_proof_changed(expires="2026-09-21T14:13:30Z"), NOW)
    assert isinstance(claim, ProofClaim)
    assert check_proof(claim, ed25519_key().public_key(), NOW + 11) == Rejected(Reason.EXPIRED)


def test_evidence_of_a_document_is_made_by_checking_and_in_no_other_way() -> None:
    claim = read_proof(proven(), NOW)
    assert isinstance(claim, ProofClaim)
    key = ed25519_key().public_key()
    with pytest.raises(TypeError):
        ProvenDocument(claim, key, object())
    with pytest.raises(TypeError):
        ProofClaim(NOTE, METHOD, None, None, b"", b"", None)
    evidence = check_proof(claim, key, NOW)
    assert isinstance(evidence, ProvenDocument)
    with pytest.raises(ValueError, match="seal"):
        replace(evidence, claim=claim)  # type: ignore[call-arg]
