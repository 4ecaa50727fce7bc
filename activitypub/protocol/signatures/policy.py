"""What an inbox, or a page that wants a signed GET, accepts: the one door to the two schemes.

In two steps, since the key has to be found between them: `read_claim` gives who claims to have signed, after
all that can be checked without a key; `check` gives the evidence.
"""

from dataclasses import InitVar, dataclass
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from activitypub.protocol.signatures import algorithms, cavage, rfc9421
from activitypub.protocol.signatures.algorithms import Algorithm
from activitypub.protocol.signatures.cavage import CREATED, EXPIRES, REQUEST_TARGET, CavageSignature
from activitypub.protocol.signatures.dates import check_window, parse_http_date
from activitypub.protocol.signatures.digests import check_content_digest, check_digest
from activitypub.protocol.signatures.keys import PublicKey
from activitypub.protocol.signatures.messages import SignedRequest, combined, normal_authority
from activitypub.protocol.signatures.reasons import Reason, SignatureError

MIN_RSA_BITS = 2048
MAX_KEY_ID_CHARACTERS = 2048
AUTHORIZATION_SCHEME = "signature "
# RFC 9421 has more; these are what the fediverse sends, and each that is taken is one more to be wrong about.
ACCEPTED_ALGORITHMS = frozenset({Algorithm.RSA_V1_5_SHA256, Algorithm.ED25519})

_SEAL = object()


class Scheme(StrEnum):
    """How a request is signed."""

    CAVAGE = "cavage"
    RFC9421 = "rfc9421"


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a request, or a document, counts as signed by nobody."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Claim:
    """Who claims to have signed which request; nothing of it is proven. Made by `read_claim` alone.

    `key_id` is as the header has it: an address with or without fragment, or `acct:`. `bases` are the texts
    over one of which the signature must hold. Times are Unix seconds.
    """

    request: SignedRequest
    scheme: Scheme
    key_id: str
    algorithm: str | None
    created: float
    expires: float | None
    bases: tuple[bytes, ...]
    signature: bytes
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        _require_seal(seal)


@dataclass(frozen=True, slots=True)
class Verified:
    """Evidence that the holder of `key` signed the claim's request. Made by `check` alone.

    That the key is `claim.key_id`'s, and whose that is, is for the caller to know.
    """

    claim: Claim
    key: PublicKey
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        _require_seal(seal)

    @property
    def key_id(self) -> str:
        """The keyId under which the key was looked up."""
        return self.claim.key_id

    @property
    def request(self) -> SignedRequest:
        """What was signed: a handler reads this body and no other."""
        return self.claim.request


def read_claim(request: SignedRequest, now: float) -> Claim | Rejected:
    """Who claims to have signed `request`, if it covers what it must, is of now, and its digest fits.

    So that no key is fetched for a request that no key could save. `now` is Unix seconds.
    """
    try:
        if not request.target.startswith("/"):
            # An absolute target names a server of its own, and `@target-uri` would be that one's.
            raise SignatureError(Reason.WRONG_HOST)
        read = _rfc9421_claim if "signature-input" in request.fields else _cavage_claim
        claim = read(request)
        check_window(claim.created, claim.expires, now)
    except SignatureError as error:
        return Rejected(error.reason)
    return claim


def check(claim: Claim, key: PublicKey, now: float) -> Verified | Rejected:
    """Whether the holder of `key`, which must be the one that `claim.key_id` names, signed.

    `now` is asked again: finding the key may have taken long.
    """
    try:
        check_window(claim.created, claim.expires, now)
        if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
            return Rejected(Reason.KEY_TOO_SMALL)
        if claim.scheme is Scheme.CAVAGE:
            algorithm = cavage.algorithm_for(claim.algorithm, key)
        else:
            algorithm = rfc9421.algorithm_for(claim.algorithm, key)
        if algorithm not in ACCEPTED_ALGORITHMS:
            return Rejected(Reason.ALGORITHM_UNSUPPORTED)
        return _first_that_holds(claim, key, algorithm)
    except SignatureError as error:
        return Rejected(error.reason)


def _first_that_holds(claim: Claim, key: PublicKey, algorithm: Algorithm) -> Verified | Rejected:
    for base in claim.bases:
        try:
            algorithms.verify(algorithm, key, claim.signature, base)
        except SignatureError as error:
            refusal = Rejected(error.reason)
        else:
            return Verified(claim, key, _SEAL)
    return refusal


def _cavage_claim(request: SignedRequest) -> Claim:
    signature = cavage.parse(_cavage_header(request))
    covered = frozenset(signature.headers)
    if REQUEST_TARGET not in covered:
        raise SignatureError(Reason.TARGET_NOT_SIGNED)
    if "host" in covered:
        _require_own_host(request)
    elif request.method != "POST":
        raise SignatureError(Reason.HOST_NOT_SIGNED)
    if "digest" in covered:
        check_digest(combined(request.fields, "digest"), request.body)
    elif _needs_digest(request):
        raise SignatureError(Reason.DIGEST_NOT_SIGNED)
    bases = [cavage.signing_string(request, signature)]
    if "?" in request.target:
        # Old peers sign the path alone. What such a query asks for is then not in the evidence.
        bases.append(cavage.signing_string(request, signature, query=False))
    return Claim(
        request=request,
        scheme=Scheme.CAVAGE,
        key_id=_key_id(signature.key_id),
        algorithm=signature.algorithm,
        created=_cavage_created(request, signature),
        expires=float(signature.expires) if EXPIRES in covered and signature.expires else None,
        bases=tuple(bases),
        signature=signature.signature,
        seal=_SEAL,
    )


def _cavage_header(request: SignedRequest) -> str:
    lines = request.fields.get("signature", [])
    if not lines:
        lines = [
            line[len(AUTHORIZATION_SCHEME) :]
            for line in request.fields.get("authorization", [])
            if line[: len(AUTHORIZATION_SCHEME)].lower() == AUTHORIZATION_SCHEME
        ]
    if not lines:
        raise SignatureError(Reason.UNSIGNED)
    if len(lines) > 1:
        raise SignatureError(Reason.SEVERAL_SIGNATURES)
    return lines[0]


def _cavage_created(request: SignedRequest, signature: CavageSignature) -> float:
    """When it was signed, by what is signed: a time that anybody may change says nothing."""
    if CREATED in signature.headers and signature.created is not None:
        return float(signature.created)
    if "date" in signature.headers:
        return parse_http_date(combined(request.fields, "date"))
    raise SignatureError(Reason.DATE_NOT_SIGNED)


def _rfc9421_claim(request: SignedRequest) -> Claim:
    signatures = rfc9421.parse(request)
    if len(signatures) > 1:
        raise SignatureError(Reason.SEVERAL_SIGNATURES)
    (signature,) = signatures
    if any(flags for _, flags in signature.components):
        # No peer sends one. `sf`, `key` and the like cost work, and sign less than they seem to.
        raise SignatureError(Reason.COMPONENT_UNSUPPORTED)
    if not signature.covers("@method"):
        raise SignatureError(Reason.METHOD_NOT_SIGNED)
    if not signature.covers("@target-uri"):
        raise SignatureError(Reason.TARGET_NOT_SIGNED)
    if signature.covers("host"):
        _require_own_host(request)
    if signature.covers("content-digest"):
        check_content_digest(combined(request.fields, "content-digest"), request.body)
    elif _needs_digest(request):
        raise SignatureError(Reason.DIGEST_NOT_SIGNED)
    created = signature.created
    if created is None:
        raise SignatureError(Reason.DATE_NOT_SIGNED)
    return Claim(
        request=request,
        scheme=Scheme.RFC9421,
        key_id=_key_id(signature.key_id),
        algorithm=signature.algorithm,
        created=created,
        expires=signature.expires,
        bases=(signature.base(request),),
        signature=signature.signature,
        seal=_SEAL,
    )


def _needs_digest(request: SignedRequest) -> bool:
    """A body that nobody signed is anybody's, whatever the method."""
    return request.method == "POST" or bool(request.body)


def _require_own_host(request: SignedRequest) -> None:
    """A request signed for another server is that server's, even where it is brought here."""
    host = normal_authority(combined(request.fields, "host"), request.scheme)
    if host != normal_authority(request.authority, request.scheme):
        raise SignatureError(Reason.WRONG_HOST)


def _key_id(key_id: str | None) -> str:
    if not key_id or len(key_id) > MAX_KEY_ID_CHARACTERS or not key_id.isprintable() or " " in key_id:
        raise SignatureError(Reason.KEY_ID_MALFORMED)
    return key_id


def _require_seal(seal: object) -> None:
    if seal is not _SEAL:
        raise TypeError("evidence is made by checking, and in no other way")
