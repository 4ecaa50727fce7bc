"""Every published proof, Linked Data signature and Multikey, with the outcome that its file says."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from activitypub.protocol.signatures.integrity_proofs import (
    ProofClaim,
    ProvenDocument,
    check_proof,
    read_proof,
)
from activitypub.protocol.signatures.keys import (
    multikey,
    public_key_from_multikey,
    public_key_from_pem,
    public_key_pem,
)
from activitypub.protocol.signatures.policy import Rejected
from activitypub.protocol.signatures.reasons import Reason
from tests.activitypub.protocol.signatures.vectors import cases, clock, load

pytestmark = pytest.mark.needs("vectors")

FEP_KEY = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
THEN = clock("2023-02-25T00:00:00Z")


def test_every_published_proof_holds() -> None:
    proven = 0
    for case in cases("integrity-proofs.json"):
        assert case["checked"] == {"proof_verifies_with_fep_key": True}
        claim = read_proof(case["document"], THEN)
        assert isinstance(claim, ProofClaim), case["id"]
        assert claim.verification_method == "https://server.example/users/alice#ed25519-key"
        assert isinstance(check_proof(claim, public_key_from_multikey(FEP_KEY), THEN), ProvenDocument)
        proven += 1
    assert proven == 4


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "https://evil.example/users/mallory"},
        {"to": ["https://www.w3.org/ns/activitystreams#Public"]},
        {"object": {"id": "https://server.example/objects/1", "type": "Note", "content": "Hello"}},
    ],
    ids=["another actor", "one member more", "another object"],
)
def test_a_published_proof_holds_no_other_document(change: dict[str, Any]) -> None:
    key = public_key_from_multikey(FEP_KEY)
    for case in cases("integrity-proofs.json"):
        claim = read_proof(case["document"] | change, THEN)
        assert isinstance(claim, ProofClaim)
        assert check_proof(claim, key, THEN) == Rejected(Reason.SIGNATURE_INVALID)


def test_a_published_proof_that_ends_holds_no_longer() -> None:
    (case,) = [case for case in cases("integrity-proofs.json") if "expires" in case["document"]["proof"]]
    assert read_proof(case["document"], clock("3000-01-01T00:00:01Z")) == Rejected(Reason.EXPIRED)


def test_the_published_linked_data_signature_is_recognised_and_makes_nobody_the_author() -> None:
    (case,) = cases("ld-signatures.json")
    assert case["expect"].startswith("valid")
    for actor in ("https://example.com/test-actor", "https://example.com/evil-actor"):
        found = read_proof(case["document"] | {"actor": actor}, clock("2023-10-25T08:08:48Z"))
        assert found == Rejected(Reason.LINKED_DATA_SIGNATURE)


def test_every_published_multikey_is_the_key_of_its_pem() -> None:
    read = 0
    for case in load("multikey.json", "crypto")["cases"]:
        key = public_key_from_multikey(case["multibase"])
        assert public_key_pem(key) == case["pem"]
        assert public_key_pem(public_key_from_pem(case["pem"])) == case["pem"]
        if isinstance(key, Ed25519PublicKey):
            assert multikey(key) == case["multibase"]
        read += 1
    assert read == 2


def test_every_published_key_of_an_actor_that_is_a_key_is_read() -> None:
    found = load("key-documents.json", "activitypub")["cases"]
    pems = [
        document["publicKeyPem"]
        for case in found
        for document in case["other_documents"].values()
        if "publicKeyPem" in document
    ]
    assert pems
    for pem in pems:
        assert public_key_pem(public_key_from_pem(pem)) == pem
