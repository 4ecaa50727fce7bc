"""Keys and signed requests, made for the test and known to nobody else."""

from base64 import b64encode
from dataclasses import replace
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from activitypub.protocol.signatures import cavage, rfc9421
from activitypub.protocol.signatures.algorithms import Algorithm, sign
from activitypub.protocol.signatures.keys import PrivateKey
from activitypub.protocol.signatures.messages import SignedRequest
from activitypub.protocol.signatures.policy import Claim, Rejected, Verified, check, read_claim
from activitypub.protocol.signatures.signing import cavage_headers, rfc9421_headers

NOW = 1_790_000_000.0
KEY_ID = "https://remote.example/users/bob#main-key"
BODY = b'{"type":"Create"}'


@cache
def rsa_key(bits: int = 2048, name: str = "bob") -> RSAPrivateKey:
    """An RSA key, one for each size and name."""
    return rsa.generate_private_key(65537, bits)


@cache
def ed25519_key(name: str = "bob") -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@cache
def p256_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def post(body: bytes = BODY, target: str = "/inbox") -> SignedRequest:
    """A POST to us that nobody has signed."""
    return SignedRequest("POST", target, "hvx.example", (("Host", "hvx.example"),), body)


def get(target: str = "/users/alice") -> SignedRequest:
    return SignedRequest("GET", target, "hvx.example", (("Host", "hvx.example"),))


def signed_cavage(request: SignedRequest, key: PrivateKey | None = None, now: float = NOW) -> SignedRequest:
    """The request with the headers that a peer of today sends."""
    headers = cavage_headers(replace(request, headers=()), key or rsa_key(), KEY_ID, now)
    return replace(request, headers=headers)


def signed_rfc9421(request: SignedRequest, key: PrivateKey | None = None, now: float = NOW) -> SignedRequest:
    headers = rfc9421_headers(replace(request, headers=()), key or rsa_key(), KEY_ID, now)
    return replace(request, headers=(*request.headers, *headers))


def with_header(request: SignedRequest, name: str, value: str) -> SignedRequest:
    """The request with one field set, and no other line of it."""
    kept = tuple((found, line) for found, line in request.headers if found.lower() != name.lower())
    return replace(request, headers=(*kept, (name, value)))


def without_header(request: SignedRequest, name: str) -> SignedRequest:
    return replace(
        request, headers=tuple(line for line in request.headers if line[0].lower() != name.lower())
    )


def header_of(request: SignedRequest, name: str) -> str:
    (value,) = request.fields[name.lower()]
    return value


def cavage_over(request: SignedRequest, covered: list[str], key: PrivateKey | None = None) -> SignedRequest:
    """The request signed over these headers, whether or not an inbox would take that."""
    return with_header(request, "Signature", cavage.sign(request, key or rsa_key(), KEY_ID, covered))


def rfc9421_over(
    request: SignedRequest, covered: list[str], key: PrivateKey | None = None, now: float = NOW
) -> SignedRequest:
    found = rfc9421.sign(request, key or rsa_key(), KEY_ID, covered, created=int(now))
    return with_header(with_header(request, "Signature-Input", found[0]), "Signature", found[1])


def hs2019(created: float, expires: float) -> SignedRequest:
    """A GET that says its times in the signature, as draft 12 has it."""
    names = "(request-target) (created) (expires) host"
    times = str(int(created)), str(int(expires))
    unsigned = cavage.CavageSignature(KEY_ID, "hs2019", tuple(names.split()), b"", *times)
    made = sign(Algorithm.RSA_V1_5_SHA256, rsa_key(), cavage.signing_string(get(), unsigned))
    value = (
        f'keyId="{KEY_ID}",algorithm="hs2019",created={times[0]},expires={times[1]},'
        f'headers="{names}",signature="{b64encode(made).decode()}"'
    )
    return with_header(get(), "Signature", value)


def outcome(request: SignedRequest, key: PrivateKey | None = None, now: float = NOW) -> Verified | Rejected:
    """What an inbox makes of a request whose claimed key is this one's."""
    claim = read_claim(request, now)
    if isinstance(claim, Rejected):
        return claim
    assert isinstance(claim, Claim)
    return check(claim, (key or rsa_key()).public_key(), now)
