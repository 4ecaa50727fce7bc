"""Whatever stands in a header or a document is read or refused, and never anything else."""

from dataclasses import replace
from typing import Any

import http_sf
from hypothesis import example, given
from hypothesis import strategies as st

from activitypub.protocol.signatures import cavage, rfc9421
from activitypub.protocol.signatures.dates import parse_http_date
from activitypub.protocol.signatures.digests import check_content_digest, check_digest
from activitypub.protocol.signatures.integrity_proofs import ProofClaim, read_proof
from activitypub.protocol.signatures.keys import public_key_from_multikey, public_key_from_pem
from activitypub.protocol.signatures.messages import Headers, SignedRequest
from activitypub.protocol.signatures.policy import Claim, Rejected, Verified, check, read_claim
from activitypub.protocol.signatures.reasons import SignatureError
from activitypub.protocol.signatures.structured_fields import parse_dictionary
from tests.activitypub.protocol.signatures.people import (
    NOW,
    get,
    header_of,
    post,
    rsa_key,
    signed_cavage,
    signed_rfc9421,
)

CAVAGE = signed_cavage(post())
RFC9421 = signed_rfc9421(post())
# Pieces that the grammars are made of, so that what is drawn comes past the first letter.
PIECES = st.sampled_from(
    [
        'keyId="k"', 'algorithm="hs2019"', 'headers="(request-target) date host digest"', 'headers=""',
        'signature="AAAA"', "created=1", "expires=1.5", '"', "\\", "=", ",", ";", ":", "(", ")", " ", "\t",
        "\n", "\r\n ", "?1", "@1", '%"%c3%28"', "*", "-", ".", "9" * 20, "sig1=", '"@method"',
        '"@target-uri"',
        '"@query-param";name="a"', ';key="sha-256"', ";sf", ";bs", ";tr", ";req", ";keyid=", ";created=1",
        ":AAAA:", ":AA:", "SHA-256=", "sha-256=", "é", "\u2028", "\ud800", "\x00",
    ]
)  # fmt: skip
TEXT = st.lists(PIECES | st.text(max_size=8), max_size=24).map("".join) | st.text(max_size=200)


def mutated(good: str) -> st.SearchStrategy[str]:
    """A good value with a piece put in, or a part cut out."""
    places = st.integers(0, len(good))

    def change(first: int, second: int, piece: str) -> str:
        start, end = sorted((first, second))
        return good[:start] + piece + good[end:]

    return st.builds(change, places, places, PIECES | st.just("")) | st.builds(
        lambda place, piece: good[:place] + piece + good[place:], places, PIECES
    )


def refused_or_read(request: SignedRequest) -> Claim | Rejected:
    """Reads and checks; nothing but an outcome may come of it."""
    claim = read_claim(request, NOW)
    if isinstance(claim, Claim):
        assert isinstance(check(claim, rsa_key().public_key(), NOW), Verified | Rejected)
    return claim


@given(TEXT | mutated(header_of(CAVAGE, "Signature")))
@example(header_of(CAVAGE, "Signature"))
def test_any_signature_header_is_an_outcome(value: str) -> None:
    changed = tuple(
        ("Signature", value) if name == "Signature" else (name, old) for name, old in CAVAGE.headers
    )
    found = refused_or_read(replace(CAVAGE, headers=changed))
    if value == header_of(CAVAGE, "Signature"):
        assert isinstance(found, Claim)


@given(
    TEXT | mutated(header_of(RFC9421, "Signature-Input")),
    TEXT | mutated(header_of(RFC9421, "Signature")) | st.just(header_of(RFC9421, "Signature")),
)
@example(header_of(RFC9421, "Signature-Input"), header_of(RFC9421, "Signature"))
def test_any_message_signature_is_an_outcome(signature_input: str, signature: str) -> None:
    values = {"Signature-Input": signature_input, "Signature": signature}
    changed = tuple((name, values.get(name, old)) for name, old in RFC9421.headers)
    request = replace(RFC9421, headers=changed)
    found = refused_or_read(request)
    if values == {name: header_of(RFC9421, name) for name in values}:
        assert isinstance(found, Claim)
    try:
        for read in rfc9421.parse(request):
            read.base(request)
    except SignatureError as error:
        assert str(error) == error.reason.value


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["Host", "Date", "Digest", "Content-Digest", "Signature", "Signature-Input", "X"])
        | st.text(max_size=8),
        TEXT,
    ),
    max_size=8,
).map(tuple)


@given(
    st.sampled_from(["GET", "POST", ""]) | TEXT,
    TEXT.map(lambda text: "/" + text) | TEXT,
    HEADERS,
    st.binary(max_size=20),
)
def test_any_request_is_an_outcome(method: str, target: str, headers: Headers, body: bytes) -> None:
    request = SignedRequest(method, target, "hvx.example", headers, body)
    found = refused_or_read(request)
    assert isinstance(found, Rejected) or found.key_id


@given(st.sampled_from([CAVAGE, RFC9421, signed_cavage(get())]), HEADERS, TEXT)
def test_headers_beside_a_signature_change_it_or_nothing(
    signed: SignedRequest, more: Headers, host: str
) -> None:
    for request in (replace(signed, headers=(*signed.headers, *more)), replace(signed, authority=host)):
        assert isinstance(refused_or_read(request), Claim | Rejected)


@given(TEXT)
def test_any_value_is_refused_with_the_declared_error_or_read(value: str) -> None:
    readers: list[Any] = [
        cavage.parse,
        parse_http_date,
        parse_dictionary,
        public_key_from_pem,
        public_key_from_multikey,
        lambda text: check_digest(text, b""),
        lambda text: check_content_digest(text, b""),
    ]
    for read in readers:
        try:
            read(value)
        except SignatureError as error:
            assert str(error) == error.reason.value


LONE = st.from_regex(r"[a-z*][a-z0-9_.*-]{0,8}=:[A-Za-z0-9+/]{0,12}={0,3}:", fullmatch=True)


@given(LONE)
@example("sig1=:AAAA:")
@example("sig1=:AA==:")
@example("sig1=:AB==:")
@example("sig1=:AA:")
@example("sig1=:A===:")
@example("sig1=::")
def test_bytes_that_stand_alone_are_read_as_the_library_reads_them(value: str) -> None:
    try:
        expected: Any = http_sf.parse(value.encode(), tltype="dictionary")
    except ValueError:
        expected = None
    try:
        found: Any = parse_dictionary(value)
    except SignatureError:
        found = None
    assert found == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
PROOFS = st.fixed_dictionaries(
    {"type": st.just("DataIntegrityProof"), "cryptosuite": st.just("eddsa-jcs-2022")},
    optional={
        "proofPurpose": st.just("assertionMethod") | JSON,
        "verificationMethod": st.just("https://a.example/#k") | JSON,
        "proofValue": st.from_regex(r"z[1-9A-HJ-NP-Za-km-z]{86,88}", fullmatch=True) | JSON,
        "created": st.just("2026-01-01T00:00:00Z") | st.text(max_size=24) | JSON,
        "expires": st.just("3000-01-01T00:00:00Z") | JSON,
        "@context": JSON,
    },
)


@given(st.dictionaries(st.sampled_from(["@context", "id", "object"]), JSON), PROOFS | JSON)
def test_any_document_is_an_outcome(document: dict[str, Any], proof: Any) -> None:
    found = read_proof({**document, "proof": proof}, NOW)
    assert isinstance(found, ProofClaim | Rejected)
