"""What we send is what others ask for, and what we ask for ourselves."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from activitypub.protocol.signatures.cavage import parse
from activitypub.protocol.signatures.digests import content_digest, digest
from activitypub.protocol.signatures.keys import PrivateKey
from activitypub.protocol.signatures.messages import Headers, SignedRequest
from activitypub.protocol.signatures.policy import Rejected, Verified
from activitypub.protocol.signatures.reasons import Reason, SignatureError
from activitypub.protocol.signatures.signing import cavage_headers, rfc9421_headers
from tests.activitypub.protocol.signatures.people import (
    BODY,
    KEY_ID,
    NOW,
    ed25519_key,
    get,
    outcome,
    post,
    rsa_key,
    with_header,
)

Maker = Callable[[SignedRequest, PrivateKey, str, float], Headers]


def bare_post() -> SignedRequest:
    """A POST that has no headers yet."""
    return replace(post(), headers=())


def bare_get(target: str = "/users/alice") -> SignedRequest:
    return replace(get(target), headers=())


def test_a_post_signs_target_host_date_and_digest() -> None:
    headers = dict(cavage_headers(bare_post(), rsa_key(), KEY_ID, NOW))
    assert list(headers) == ["Host", "Date", "Digest", "Signature"]
    assert headers["Host"] == "hvx.example"
    assert headers["Date"] == "Mon, 21 Sep 2026 14:13:20 GMT"
    assert headers["Digest"] == digest(BODY)
    signature = parse(headers["Signature"])
    assert signature.headers == ("(request-target)", "host", "date", "digest")
    assert (signature.algorithm, signature.key_id) == ("rsa-sha256", KEY_ID)


def test_a_get_signs_target_host_and_date_with_its_query() -> None:
    request = bare_get("/users/alice/outbox?page=2")
    headers = cavage_headers(request, rsa_key(), KEY_ID, NOW)
    assert [name for name, _ in headers] == ["Host", "Date", "Signature"]
    signed = replace(request, headers=headers)
    assert isinstance(outcome(signed), Verified)
    assert not isinstance(outcome(replace(signed, target="/users/alice/outbox?page=3")), Verified)


def test_an_ed25519_key_leaves_the_algorithm_to_the_key() -> None:
    headers = dict(cavage_headers(bare_get(), ed25519_key(), KEY_ID, NOW))
    assert parse(headers["Signature"]).algorithm == "hs2019"


def test_a_message_signature_covers_method_address_and_digest() -> None:
    headers = dict(rfc9421_headers(bare_post(), rsa_key(), KEY_ID, NOW + 0.9))
    assert list(headers) == ["Content-Digest", "Signature-Input", "Signature"]
    assert headers["Content-Digest"] == content_digest(BODY)
    assert headers["Signature-Input"] == (
        f'sig1=("@method" "@target-uri" "content-digest");created={int(NOW)};keyid="{KEY_ID}"'
    )
    assert headers["Signature"].startswith("sig1=:")


def test_a_message_signature_of_a_get_has_no_digest() -> None:
    headers = dict(rfc9421_headers(bare_get(), rsa_key(), KEY_ID, NOW))
    assert list(headers) == ["Signature-Input", "Signature"]


@pytest.mark.parametrize("make", [cavage_headers, rfc9421_headers])
def test_headers_that_were_there_are_signed_too(make: Maker) -> None:
    request = replace(bare_post(), headers=(("Collection-Synchronization", "digest=1"),))
    signed = replace(request, headers=make(request, rsa_key(), KEY_ID, NOW))
    assert isinstance(outcome(signed), Verified)
    forged = with_header(signed, "Collection-Synchronization", "digest=2")
    assert outcome(forged) == Rejected(Reason.SIGNATURE_INVALID)


@pytest.mark.parametrize("make", [cavage_headers, rfc9421_headers])
def test_a_header_that_would_be_sent_twice_is_refused(make: Maker) -> None:
    request = replace(bare_post(), headers=(("Content-Digest", "x"), ("Digest", "x")))
    with pytest.raises(SignatureError, match="signature_malformed"):
        make(request, rsa_key(), KEY_ID, NOW)


@pytest.mark.parametrize("make", [cavage_headers, rfc9421_headers])
@pytest.mark.parametrize("key_id", ["https://a.example/\u2028", "https://a.example/é", "a\r\nX: y"])
def test_a_key_id_that_cannot_stand_in_a_header_is_refused(make: Maker, key_id: str) -> None:
    with pytest.raises(SignatureError):
        make(bare_post(), rsa_key(), key_id, NOW)
