"""Object integrity proofs (FEP-8b32) by eddsa-jcs-2022 (W3C vc-di-eddsa §3.3): documents that are signed.

Linked Data Signatures, the older way, are known by their `signature` and never trusted: they need JSON-LD of
whoever wrote the document, and only relays use them.
"""

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from activitypub.protocol.signatures import algorithms
from activitypub.protocol.signatures.algorithms import Algorithm
from activitypub.protocol.signatures.dates import SKEW_SECONDS
from activitypub.protocol.signatures.keys import PublicKey, multibase, multibase_decoded
from activitypub.protocol.signatures.policy import Rejected
from activitypub.protocol.signatures.reasons import Reason, SignatureError

CRYPTOSUITE = "eddsa-jcs-2022"
# Either says what `proof` is to those who read JSON-LD, and drop each word that no context explains.
CONTEXT = "https://w3id.org/security/data-integrity/v1"
_CONTEXTS = frozenset({CONTEXT, "https://w3id.org/security/data-integrity/v2"})
SIGNATURE_BYTES = 64
# Canonical JSON takes some 2 microseconds for each value and a fifth of one for each letter that it escapes.
MAX_VALUES = 5000
MAX_DEPTH = 64
MAX_CHARACTERS = 2**17
MAX_METHOD_CHARACTERS = 2048

Document = Mapping[str, Any]

_SEAL = object()


@dataclass(frozen=True, slots=True)
class ProofClaim:
    """Whose key is said to have signed a document; nothing of it is proven. Made by `read_proof` alone.

    Times are Unix seconds.
    """

    document: Document
    verification_method: str
    created: float | None
    expires: float | None
    hashes: bytes
    signature: bytes
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        _require_seal(seal)


@dataclass(frozen=True, slots=True)
class ProvenDocument:
    """Evidence that the holder of `key` signed the claim's document. Made by `check_proof` alone.

    That the key is the verification method's, and that this is one of the actor's `assertionMethod`s, is
    for the caller to know.
    """

    claim: ProofClaim
    key: Ed25519PublicKey
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        _require_seal(seal)


def read_proof(document: Document, now: float) -> ProofClaim | Rejected:
    """Who claims to have signed `document`, a JSON object as parsed, in which no key came twice.

    `now` is Unix seconds.
    """
    try:
        claim = _claim(document)
        _check_times(claim, now)
    except SignatureError as error:
        return Rejected(error.reason)
    return claim


def check_proof(claim: ProofClaim, key: PublicKey, now: float) -> ProvenDocument | Rejected:
    """Whether the holder of `key`, which must be the claim's verification method, signed the document."""
    if not isinstance(key, Ed25519PublicKey):
        return Rejected(Reason.ALGORITHM_MISMATCH)
    try:
        _check_times(claim, now)
        algorithms.verify(Algorithm.ED25519, key, claim.signature, claim.hashes)
    except SignatureError as error:
        return Rejected(error.reason)
    return ProvenDocument(claim, key, _SEAL)


def with_proof(
    document: Document, key: Ed25519PrivateKey, verification_method: str, now: float
) -> dict[str, Any]:
    """`document` with a proof of ours, and without any that it had. `now` is Unix seconds.

    A `@context` that does not explain proofs gets one that does.

    Raises SignatureError (proof_malformed, too_large) for what canonical JSON cannot hold.
    """
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    proof: dict[str, Any] = {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "verificationMethod": verification_method,
        "proofPurpose": "assertionMethod",
        "created": datetime.fromtimestamp(int(now), UTC).isoformat().replace("+00:00", "Z"),
    }
    if "@context" in unsecured:
        proof["@context"] = unsecured["@context"] = _explaining(unsecured["@context"])
    signature = algorithms.sign(Algorithm.ED25519, key, _hashes(unsecured, proof))
    return {**unsecured, "proof": {**proof, "proofValue": multibase(signature)}}


def _explaining(context: Any) -> list[Any]:
    contexts = context if isinstance(context, list) else [context]
    explained = any(isinstance(one, str) and one in _CONTEXTS for one in contexts)
    return contexts if explained else [*contexts, CONTEXT]


def _claim(document: Document) -> ProofClaim:
    proof = document.get("proof")
    if proof is None:
        is_signed = isinstance(document.get("signature"), dict)
        raise SignatureError(Reason.LINKED_DATA_SIGNATURE if is_signed else Reason.UNSIGNED)
    if isinstance(proof, list):
        if len(proof) != 1:
            raise SignatureError(Reason.SEVERAL_SIGNATURES)
        (proof,) = proof
    if not isinstance(proof, dict):
        raise SignatureError(Reason.PROOF_MALFORMED)
    if proof.get("type") != "DataIntegrityProof" or proof.get("cryptosuite") != CRYPTOSUITE:
        raise SignatureError(Reason.PROOF_UNSUPPORTED)
    if proof.get("proofPurpose") != "assertionMethod" or "previousProof" in proof:
        raise SignatureError(Reason.PROOF_UNSUPPORTED)
    method, value = proof.get("verificationMethod"), proof.get("proofValue")
    if not isinstance(method, str) or not 1 <= len(method) <= MAX_METHOD_CHARACTERS:
        raise SignatureError(Reason.PROOF_MALFORMED)
    if not isinstance(value, str) or len(value) > 2 * SIGNATURE_BYTES:
        raise SignatureError(Reason.PROOF_MALFORMED)
    signature = multibase_decoded(value, Reason.PROOF_MALFORMED)
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureError(Reason.PROOF_MALFORMED)
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    if "@context" in proof:
        _require_context(proof["@context"], unsecured.get("@context"))
        unsecured["@context"] = proof["@context"]
    config = {name: value for name, value in proof.items() if name != "proofValue"}
    return ProofClaim(
        document=document,
        verification_method=method,
        created=_time(proof.get("created")),
        expires=_time(proof.get("expires")),
        hashes=_hashes(unsecured, config),
        signature=signature,
        seal=_SEAL,
    )


def _require_context(proven: Any, found: Any) -> None:
    """What was signed must come first in what is here, or words mean what the signer did not (§3.3.2)."""
    proven, found = (value if isinstance(value, list) else [value] for value in (proven, found))
    if found[: len(proven)] != proven:
        raise SignatureError(Reason.CONTEXT_MISMATCH)


def _hashes(unsecured: Document, config: Document) -> bytes:
    return sha256(_canonical(config)).digest() + sha256(_canonical(unsecured)).digest()


def _canonical(document: Document) -> bytes:
    """Canonical JSON (RFC 8785)."""
    _require_bounded(document)
    try:
        return rfc8785.dumps(dict(document))
    except ValueError:
        raise SignatureError(Reason.PROOF_MALFORMED) from None


def _require_bounded(document: Document) -> None:
    """Counts before canonicalising, which recurses and sorts."""
    values = characters = 0
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        values += len(level)
        deeper: list[Any] = []
        for value in level:
            if isinstance(value, str):
                characters += len(value)
            elif isinstance(value, Mapping):
                characters += sum(len(name) for name in value if isinstance(name, str))
                deeper.extend(value.values())
            elif isinstance(value, list | tuple):
                deeper.extend(value)
        if values > MAX_VALUES or characters > MAX_CHARACTERS:
            break
        if not deeper:
            return
        level = deeper
    raise SignatureError(Reason.TOO_LARGE)


def _check_times(claim: ProofClaim, now: float) -> None:
    if claim.created is not None and claim.created > now + SKEW_SECONDS:
        raise SignatureError(Reason.NOT_YET_VALID)
    if claim.expires is not None and now > claim.expires:
        raise SignatureError(Reason.EXPIRED)


def _time(value: Any) -> float | None:
    """An XSD dateTime, in UTC where it names no zone."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        raise SignatureError(Reason.DATE_MALFORMED) from None


def _require_seal(seal: object) -> None:
    if seal is not _SEAL:
        raise TypeError("evidence is made by checking, and in no other way")
