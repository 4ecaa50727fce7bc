"""What is sent carries a proof where the settings ask for one."""

import json
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from activitypub.models import KeyKind, LocalActor
from activitypub.protocol.signatures.integrity_proofs import (
    ProofClaim,
    ProvenDocument,
    check_proof,
    read_proof,
)
from activitypub.queries.actors import signing_key
from activitypub.services import sending
from tests.activitypub.delivery.conftest import publish, reader


def test_no_proof_is_made_unasked(sender: LocalActor) -> None:
    assert "proof" not in json.loads(bytes(publish(sender).body))


def test_a_proof_is_the_actors_and_holds_for_what_goes_out(sender: LocalActor, settings: Any) -> None:
    settings.HVX_FEDERATION_PROOFS = True
    sent = json.loads(bytes(publish(sender, reader("one.example")).body))
    claim = read_proof(sent, time.time())
    assert isinstance(claim, ProofClaim)
    key = signing_key(sender, KeyKind.ED25519)
    assert claim.verification_method == key.key_id
    public = load_der_public_key(bytes(key.public))
    assert isinstance(public, Ed25519PublicKey)
    assert isinstance(check_proof(claim, public, time.time()), ProvenDocument)
    changed = read_proof({**sent, "type": "Delete"}, time.time())
    assert isinstance(changed, ProofClaim)
    assert not isinstance(check_proof(changed, public, time.time()), ProvenDocument)


def test_what_is_too_long_for_a_proof_goes_out_without(sender: LocalActor, settings: Any) -> None:
    settings.HVX_FEDERATION_PROOFS = True
    document = {"id": sending.new_activity_uri(sender), "type": "Create", "content": "a" * 200_000}
    sent = sending.send(sender, document, to=[reader("one.example")])
    assert json.loads(bytes(sent.body)) == document
