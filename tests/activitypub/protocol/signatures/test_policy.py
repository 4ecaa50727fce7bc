"""What an inbox takes for signed, and each way to be refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from activitypub.protocol.signatures.dates import http_date
from activitypub.protocol.signatures.digests import content_digest, digest
from activitypub.protocol.signatures.messages import SignedRequest
from activitypub.protocol.signatures.policy import (
    Claim,
    Rejected,
    Scheme,
    Verified,
    check,
    read_claim,
)
from activitypub.protocol.signatures.reasons import Reason
from tests.activitypub.protocol.signatures.people import (
    BODY,
    KEY_ID,
    NOW,
    cavage_over,
    ed25519_key,
    get,
    header_of,
    hs2019,
    outcome,
    post,
    rfc9421_over,
    rsa_key,
    signed_cavage,
    signed_rfc9421,
    with_header,
    without_header,
)

HOUR = 3600.0
SIGNERS = {Scheme.CAVAGE: signed_cavage, Scheme.RFC9421: signed_rfc9421}
Signer = Callable[..., SignedRequest]

both_schemes = pytest.mark.parametrize("sign", SIGNERS.values(), ids=SIGNERS)


def dated(request: SignedRequest, now: float = NOW) -> SignedRequest:
    """The request with what may be signed, and nothing signed."""
    request = with_header(request, "Date", http_date(now))
    request = with_header(request, "Digest", digest(request.body))
    return with_header(request, "Content-Digest", content_digest(request.body))


# ---- what is taken --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_", [post(), get(), get("/users/alice/outbox?page=2")], ids=["POST", "GET", "query"]
)
@pytest.mark.parametrize("scheme", list(Scheme))
def test_a_whole_request_is_evidence_of_its_key_and_body(request_: SignedRequest, scheme: Scheme) -> None:
    signed = signed_cavage(request_) if scheme is Scheme.CAVAGE else signed_rfc9421(request_)
    found = outcome(signed)
    assert isinstance(found, Verified)
    assert found.claim.scheme is scheme
    assert found.key_id == KEY_ID
    assert found.key == rsa_key().public_key()
    assert found.request.body == request_.body


@pytest.mark.parametrize("scheme", list(Scheme))
def test_an_ed25519_key_signs_too(scheme: Scheme) -> None:
    sign = signed_cavage if scheme is Scheme.CAVAGE else signed_rfc9421
    assert isinstance(outcome(sign(post(), ed25519_key()), ed25519_key()), Verified)


def test_a_signature_may_stand_in_the_authorization_header() -> None:
    signed = signed_cavage(post())
    moved = with_header(
        without_header(signed, "Signature"), "Authorization", f"Signature {header_of(signed, 'Signature')}"
    )
    assert isinstance(outcome(moved), Verified)


def test_an_old_peer_signs_the_path_without_the_query() -> None:
    signed = signed_cavage(get("/users/alice/outbox"))
    assert isinstance(outcome(replace(signed, target="/users/alice/outbox?page=2")), Verified)


def test_nobody_signs_the_path_alone_by_the_rfc() -> None:
    signed = signed_rfc9421(get("/users/alice/outbox"))
    assert outcome(replace(signed, target="/users/alice/outbox?page=2")) == Rejected(Reason.SIGNATURE_INVALID)


def test_a_host_with_its_default_port_or_in_capitals_is_ours() -> None:
    for host in ("HVX.example", "hvx.example:443"):
        request = with_header(dated(post()), "Host", host)
        signed = cavage_over(request, ["(request-target)", "host", "date", "digest"])
        assert isinstance(outcome(signed), Verified), host


def test_hs2019_times_itself_by_created_and_expires() -> None:
    assert isinstance(outcome(hs2019(created=NOW - HOUR * 3, expires=NOW)), Verified)
    assert outcome(hs2019(created=NOW - HOUR * 3, expires=NOW - HOUR * 2)) == Rejected(Reason.EXPIRED)


# ---- what is not signed ---------------------------------------------------------------------


def test_a_request_without_a_signature_is_unsigned() -> None:
    assert read_claim(post(), NOW) == Rejected(Reason.UNSIGNED)
    assert read_claim(with_header(post(), "Authorization", "Bearer of-something"), NOW) == Rejected(
        Reason.UNSIGNED
    )


@pytest.mark.parametrize(
    ("request_", "covered", "reason"),
    [
        (post(), ["host", "date", "digest"], Reason.TARGET_NOT_SIGNED),
        (post(), ["(request-target)", "host", "digest"], Reason.DATE_NOT_SIGNED),
        (post(), ["(request-target)", "host", "date"], Reason.DIGEST_NOT_SIGNED),
        (post(b""), ["(request-target)", "host", "date"], Reason.DIGEST_NOT_SIGNED),
        (get(), ["(request-target)", "date"], Reason.HOST_NOT_SIGNED),
        (replace(get(), body=b"x"), ["(request-target)", "host", "date"], Reason.DIGEST_NOT_SIGNED),
        (replace(post(), method="PUT"), ["(request-target)", "host", "date"], Reason.DIGEST_NOT_SIGNED),
    ],
)
def test_what_must_be_covered_and_is_not_is_named(
    request_: SignedRequest, covered: list[str], reason: Reason
) -> None:
    assert outcome(cavage_over(dated(request_), covered)) == Rejected(reason)


@pytest.mark.parametrize(
    ("request_", "covered", "reason"),
    [
        (post(), ["@target-uri", "content-digest"], Reason.METHOD_NOT_SIGNED),
        (post(), ["@method", "content-digest"], Reason.TARGET_NOT_SIGNED),
        (post(), ["@method", "@path", "@authority", "content-digest"], Reason.TARGET_NOT_SIGNED),
        (post(), ["@method", "@target-uri"], Reason.DIGEST_NOT_SIGNED),
        (post(), ["@method", "@target-uri", "digest"], Reason.DIGEST_NOT_SIGNED),
    ],
)
def test_what_the_rfc_must_cover_and_does_not_is_named(
    request_: SignedRequest, covered: list[str], reason: Reason
) -> None:
    assert outcome(rfc9421_over(dated(request_), covered)) == Rejected(reason)


def test_a_message_signature_without_its_time_is_refused() -> None:
    signed = signed_rfc9421(get())
    bare = header_of(signed, "Signature-Input").replace(f";created={int(NOW)}", "")
    assert outcome(with_header(signed, "Signature-Input", bare)) == Rejected(Reason.DATE_NOT_SIGNED)


# ---- what was changed -----------------------------------------------------------------------


@both_schemes
def test_another_body_is_refused_before_any_key_is_sought(sign: Signer) -> None:
    assert read_claim(replace(sign(post()), body=BODY + b" "), NOW) == Rejected(Reason.DIGEST_MISMATCH)


def test_another_body_with_its_own_digest_is_refused_by_the_signature() -> None:
    forged = replace(signed_cavage(post()), body=b"{}")
    assert outcome(with_header(forged, "Digest", digest(b"{}"))) == Rejected(Reason.SIGNATURE_INVALID)
    forged = replace(signed_rfc9421(post()), body=b"{}")
    found = outcome(with_header(forged, "Content-Digest", content_digest(b"{}")))
    assert found == Rejected(Reason.SIGNATURE_INVALID)


@both_schemes
def test_another_target_or_method_is_refused(sign: Signer) -> None:
    signed = sign(post())
    for forged in (replace(signed, target="/users/alice/inbox"), replace(signed, method="PUT")):
        assert outcome(forged) == Rejected(Reason.SIGNATURE_INVALID)


def test_another_key_of_the_same_kind_is_refused() -> None:
    for sign in (signed_cavage, signed_rfc9421):
        assert outcome(sign(post()), rsa_key(name="mallory")) == Rejected(Reason.SIGNATURE_INVALID)


def test_a_digest_that_is_signed_and_not_sent_is_missing() -> None:
    assert outcome(without_header(signed_cavage(post()), "Digest")) == Rejected(Reason.FIELD_MISSING)
    assert outcome(without_header(signed_rfc9421(post()), "Content-Digest")) == Rejected(Reason.FIELD_MISSING)


def test_a_second_line_of_a_signed_field_is_part_of_what_is_signed() -> None:
    signed = signed_cavage(post())
    doubled = replace(signed, headers=(*signed.headers, ("Digest", digest(BODY))))
    assert outcome(doubled) == Rejected(Reason.SIGNATURE_INVALID)
    dated_twice = replace(signed, headers=(*signed.headers, ("Date", http_date(NOW))))
    assert outcome(dated_twice) == Rejected(Reason.DATE_MALFORMED)


# ---- for whom -------------------------------------------------------------------------------


def test_a_request_signed_for_another_server_is_refused_here() -> None:
    for sign in (signed_cavage, signed_rfc9421):
        signed = sign(replace(get(), authority="other.example", headers=(("Host", "other.example"),)))
        found = outcome(replace(signed, authority="hvx.example"))
        assert found in (Rejected(Reason.WRONG_HOST), Rejected(Reason.SIGNATURE_INVALID))
        assert isinstance(outcome(signed), Verified)


def test_a_target_that_names_another_server_is_refused() -> None:
    signed = signed_rfc9421(replace(post(), target="https://other.example/inbox"))
    assert outcome(signed) == Rejected(Reason.WRONG_HOST)


def test_an_address_signed_for_http_is_not_that_of_https() -> None:
    signed = signed_rfc9421(replace(get(), scheme="http"))
    assert isinstance(outcome(signed), Verified)
    assert outcome(replace(signed, scheme="https")) == Rejected(Reason.SIGNATURE_INVALID)


# ---- when -----------------------------------------------------------------------------------


@both_schemes
def test_a_signature_holds_from_an_hour_before_to_an_hour_and_five_minutes_after(sign: Signer) -> None:
    signed = sign(post())
    assert outcome(signed, now=NOW - HOUR - 1) == Rejected(Reason.NOT_YET_VALID)
    assert isinstance(outcome(signed, now=NOW - HOUR), Verified)
    assert isinstance(outcome(signed, now=NOW + 300 + HOUR), Verified)
    assert outcome(signed, now=NOW + 300 + HOUR + 1) == Rejected(Reason.EXPIRED)


def test_no_signature_holds_for_more_than_twelve_hours_and_the_skew() -> None:
    signed = hs2019(created=NOW, expires=NOW + 100 * HOUR)
    assert isinstance(outcome(signed, now=NOW + 13 * HOUR), Verified)
    assert outcome(signed, now=NOW + 13 * HOUR + 1) == Rejected(Reason.EXPIRED)


def test_an_end_that_is_not_signed_lengthens_nothing() -> None:
    signed = signed_cavage(post())
    longer = header_of(signed, "Signature") + f",expires={int(NOW + 12 * HOUR)}"
    late = NOW + 300 + HOUR + 1
    assert outcome(with_header(signed, "Signature", longer), now=late) == Rejected(Reason.EXPIRED)


def test_a_claim_that_waited_for_its_key_too_long_is_refused() -> None:
    claim = read_claim(signed_cavage(post()), NOW)
    assert isinstance(claim, Claim)
    late = NOW + 300 + HOUR + 1
    assert check(claim, rsa_key().public_key(), late) == Rejected(Reason.EXPIRED)


def test_a_date_that_is_none_is_refused() -> None:
    request = with_header(dated(get()), "Date", "yesterday")
    signed = cavage_over(request, ["(request-target)", "host", "date"])
    assert outcome(signed) == Rejected(Reason.DATE_MALFORMED)
