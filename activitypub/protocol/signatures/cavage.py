"""draft-cavage-http-signatures-12: what nearly every server signs with.

Also what older drafts and real senders make of it: `algorithm` missing or `hs2019` for an RSA signature
with SHA-256, `date` as what is signed where nothing is named, a request target without its query.
"""

import re
from base64 import b64encode
from binascii import Error, a2b_base64
from collections.abc import Sequence
from dataclasses import dataclass

from activitypub.protocol.signatures import algorithms
from activitypub.protocol.signatures.algorithms import Algorithm
from activitypub.protocol.signatures.keys import PrivateKey, PublicKey
from activitypub.protocol.signatures.messages import SignedRequest, combined
from activitypub.protocol.signatures.reasons import Reason, SignatureError

REQUEST_TARGET = "(request-target)"
CREATED = "(created)"
EXPIRES = "(expires)"

MAX_HEADER_CHARACTERS = 8192
MAX_PARAMETERS = 16
MAX_SIGNED_HEADERS = 32

# One parameter and the comma after it. Neighbouring parts share no character, so nothing is tried twice.
_PARAMETER = re.compile(
    r'[ \t]*([A-Za-z][A-Za-z0-9_-]*)=(?:"([^"\\]*)"|([0-9]+(?:\.[0-9]+)?))[ \t]*(,|\Z)', re.ASCII
)
_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?", re.ASCII)
_HEADER_NAME = re.compile(r"\(?[!#$%&'*+.^_`|~0-9a-z-]+\)?", re.ASCII)
_TIMED_BY_DATE = ("rsa", "hmac", "ecdsa")
_ALGORITHMS = {"rsa-sha256": Algorithm.RSA_V1_5_SHA256, "ed25519": Algorithm.ED25519}


@dataclass(frozen=True, slots=True)
class CavageSignature:
    """The parameters of a Signature header. `created` and `expires` are as written, since that is signed."""

    key_id: str
    algorithm: str | None
    headers: tuple[str, ...]
    signature: bytes
    created: str | None = None
    expires: str | None = None


def parse(value: str) -> CavageSignature:
    """The signature in a Signature header, or in an Authorization header after its scheme.

    Parameters that nobody knows are passed over; one that comes twice is refused, as are escapes, which no
    sender uses. Raises SignatureError (too_large, signature_malformed).
    """
    given = _parameters(value)
    created, expires = given.get("created"), given.get("expires")
    for seconds in (created, expires):
        if seconds is not None and _SECONDS.fullmatch(seconds) is None:
            raise SignatureError(Reason.SIGNATURE_MALFORMED)
    try:
        key_id, encoded = given["keyId"], given["signature"]
        signature = a2b_base64(encoded.encode("ascii"), strict_mode=True)
    except (KeyError, Error, ValueError):
        raise SignatureError(Reason.SIGNATURE_MALFORMED) from None
    named = given.get("headers")
    if named is None:
        # Draft 12 says `(created)`; all drafts before it, and its own examples, say `date`.
        headers: tuple[str, ...] = (CREATED,) if created is not None else ("date",)
    else:
        headers = tuple(named.lower().split(" "))
        if len(headers) > MAX_SIGNED_HEADERS:
            raise SignatureError(Reason.TOO_LARGE)
        if len(set(headers)) != len(headers) or not all(map(_HEADER_NAME.fullmatch, headers)):
            raise SignatureError(Reason.SIGNATURE_MALFORMED)
    return CavageSignature(key_id, given.get("algorithm"), headers, signature, created, expires)


def _parameters(value: str) -> dict[str, str]:
    if len(value) > MAX_HEADER_CHARACTERS:
        raise SignatureError(Reason.TOO_LARGE)
    given: dict[str, str] = {}
    position = 0
    while True:
        match = _PARAMETER.match(value, position)
        if match is None or match[1] in given:
            raise SignatureError(Reason.SIGNATURE_MALFORMED)
        given[match[1]] = match[2] if match[2] is not None else match[3]
        if len(given) > MAX_PARAMETERS:
            raise SignatureError(Reason.TOO_LARGE)
        if not match[4]:
            return given
        position = match.end()


def signing_string(request: SignedRequest, signature: CavageSignature, *, query: bool = True) -> bytes:
    """The bytes that are signed (§2.3). `query` False leaves the query out of the request target.

    Raises SignatureError (field_missing, field_malformed, signature_malformed).
    """
    lines = []
    for name in signature.headers:
        if name == REQUEST_TARGET:
            target = request.target if query else request.target.partition("?")[0]
            value = f"{request.method.lower()} {target}"
        elif name in (CREATED, EXPIRES):
            value = _time(signature, name)
        else:
            value = combined(request.fields, name)
        lines.append(f"{name}: {value}")
    text = "\n".join(lines)
    if text.count("\n") != len(lines) - 1:
        raise SignatureError(Reason.FIELD_MALFORMED)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise SignatureError(Reason.FIELD_MALFORMED) from None


def _time(signature: CavageSignature, name: str) -> str:
    """A time that is signed; the older algorithms have none (§2.3)."""
    value = signature.created if name == CREATED else signature.expires
    if value is None or (signature.algorithm or "").lower().startswith(_TIMED_BY_DATE):
        raise SignatureError(Reason.SIGNATURE_MALFORMED)
    return value


def algorithm_for(name: str | None, key: PublicKey) -> Algorithm:
    """How a signature whose header says `name` was made, given the key.

    `hs2019` and none leave it to the key. Raises SignatureError (algorithm_unsupported, algorithm_mismatch).
    """
    algorithm = algorithms.algorithm_of(key)
    if name is None or (name := name.lower()) == "hs2019":
        return algorithm
    if name not in _ALGORITHMS:
        raise SignatureError(Reason.ALGORITHM_UNSUPPORTED)
    if _ALGORITHMS[name] is not algorithm:
        raise SignatureError(Reason.ALGORITHM_MISMATCH)
    return algorithm


def verify(request: SignedRequest, signature: CavageSignature, key: PublicKey) -> None:
    """Returns where the signature holds over the request as it came, whatever it covers and however old.

    What an inbox accepts is narrower: `policy.py`. Raises SignatureError.
    """
    algorithm = algorithm_for(signature.algorithm, key)
    algorithms.verify(algorithm, key, signature.signature, signing_string(request, signature))


def sign(request: SignedRequest, key: PrivateKey, key_id: str, headers: Sequence[str]) -> str:
    """The value of a Signature header over `headers`, which the request has. Raises SignatureError."""
    algorithm = algorithms.algorithm_of(key)
    if len(set(headers)) != len(headers):
        raise SignatureError(Reason.SIGNATURE_MALFORMED)
    if not key_id.isascii() or not key_id.isprintable() or '"' in key_id or "\\" in key_id:
        raise SignatureError(Reason.KEY_ID_MALFORMED)
    name = "rsa-sha256" if algorithm is Algorithm.RSA_V1_5_SHA256 else "hs2019"
    unsigned = CavageSignature(key_id, name, tuple(headers), b"")
    signature = algorithms.sign(algorithm, key, signing_string(request, unsigned))
    return (
        f'keyId="{key_id}",algorithm="{name}",headers="{" ".join(headers)}",'
        f'signature="{b64encode(signature).decode()}"'
    )
