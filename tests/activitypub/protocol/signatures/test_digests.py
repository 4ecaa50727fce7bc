"""A body is held to what a header says of it."""

import hashlib
from base64 import b64encode

import pytest

from activitypub.protocol.signatures.digests import (
    MAX_DIGEST_CHARACTERS,
    check_content_digest,
    check_digest,
    content_digest,
    digest,
)
from activitypub.protocol.signatures.reasons import Reason, SignatureError

BODY = b'{"hello": "world"}'
SHA_256 = b64encode(hashlib.sha256(BODY).digest()).decode()
SHA_512 = b64encode(hashlib.sha512(BODY).digest()).decode()
OTHER = b64encode(hashlib.sha256(b"other").digest()).decode()


def refusal_of_digest(value: str) -> Reason:
    with pytest.raises(SignatureError) as refused:
        check_digest(value, BODY)
    return refused.value.reason


def refusal_of_content_digest(value: str) -> Reason:
    with pytest.raises(SignatureError) as refused:
        check_content_digest(value, BODY)
    return refused.value.reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (f"SHA-256={OTHER}", Reason.DIGEST_MISMATCH),
        (f"SHA-256={SHA_256},SHA-256={OTHER}", Reason.DIGEST_MISMATCH),
        (f"SHA-512={SHA_512},SHA-256={OTHER}", Reason.DIGEST_MISMATCH),
        (f"SHA-512={SHA_256}", Reason.DIGEST_MISMATCH),
        (f"SHA-256={hashlib.sha256(BODY).hexdigest()}", Reason.DIGEST_MISMATCH),
        ("SHA-256=", Reason.DIGEST_MISMATCH),
        ("MD5=Sd/dVLAcvNLSq16eXua5uQ==", Reason.DIGEST_UNSUPPORTED),
        ("", Reason.DIGEST_MALFORMED),
        ("SHA-256", Reason.DIGEST_MALFORMED),
        (f"SHA-256={SHA_256},", Reason.DIGEST_MALFORMED),
        (f"SHA-256={SHA_256[:-1]}", Reason.DIGEST_MALFORMED),
        (f"SHA-256={SHA_256} ; q=1", Reason.DIGEST_MALFORMED),
        (f"SHA-256=:{SHA_256}:", Reason.DIGEST_MALFORMED),
        ("SHA-256=é", Reason.DIGEST_MALFORMED),
        ("SHA-256=" + "A" * MAX_DIGEST_CHARACTERS, Reason.TOO_LARGE),
    ],
)
def test_a_digest_that_does_not_fit_is_refused(value: str, reason: Reason) -> None:
    assert refusal_of_digest(value) is reason


@pytest.mark.parametrize(
    "value",
    [
        f"SHA-256={SHA_256}",
        f"sha-256={SHA_256}",
        f"Sha-256={SHA_256} , MD5=Sd/dVLAcvNLSq16eXua5uQ==",
        f"SHA-512={SHA_512}",
        f"unknown=x,SHA-256={SHA_256},SHA-512={SHA_512}",
    ],
)
def test_a_digest_fits_in_any_case_and_beside_others(value: str) -> None:
    check_digest(value, BODY)
    with pytest.raises(SignatureError, match="digest_mismatch"):
        check_digest(value, BODY + b" ")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (f"sha-256=:{OTHER}:", Reason.DIGEST_MISMATCH),
        (f"sha-512=:{SHA_512}:, sha-256=:{OTHER}:", Reason.DIGEST_MISMATCH),
        (f"sha-256=:{OTHER}:, sha-256=:{SHA_256}:", Reason.DIGEST_MALFORMED),
        (f"SHA-256=:{SHA_256}:", Reason.DIGEST_MALFORMED),
        (f"sha-256={SHA_256}", Reason.DIGEST_MALFORMED),
        ('sha-256="text"', Reason.DIGEST_MALFORMED),
        ("sha-256=(:AAAA:)", Reason.DIGEST_MALFORMED),
        ("sha-256", Reason.DIGEST_MALFORMED),
        ("md5=:Sd/dVLAcvNLSq16eXua5uQ==:", Reason.DIGEST_UNSUPPORTED),
        ("", Reason.DIGEST_UNSUPPORTED),
        ("sha-256=:" + "A" * 9000 + ":", Reason.TOO_LARGE),
    ],
)
def test_a_content_digest_that_does_not_fit_is_refused(value: str, reason: Reason) -> None:
    assert refusal_of_content_digest(value) is reason


@pytest.mark.parametrize(
    "value", [f"sha-256=:{SHA_256}:", f"sha-512=:{SHA_512}:", f"id-crc32=:AAAA:, sha-256=:{SHA_256}:;a=1"]
)
def test_a_content_digest_fits(value: str) -> None:
    check_content_digest(value, BODY)
    with pytest.raises(SignatureError, match="digest_mismatch"):
        check_content_digest(value, BODY + b" ")


@pytest.mark.parametrize("body", [b"", BODY])
def test_what_is_made_here_fits(body: bytes) -> None:
    assert digest(body).startswith("SHA-256=")
    check_digest(digest(body), body)
    check_content_digest(content_digest(body), body)
