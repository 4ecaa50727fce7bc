"""Requests whose signature does not say what they say."""

import json
import time
from dataclasses import replace

from django.conf import settings

from activitypub.protocol.signatures import cavage, rfc9421
from activitypub.protocol.signatures.dates import http_date
from activitypub.protocol.signatures.digests import content_digest, digest
from activitypub.protocol.signatures.messages import SignedRequest
from activitypub.protocol.signatures.signing import cavage_headers
from hvx.inboxes import Inboxes
from tests.activitypub.inbox.forging import Forgeries, World, header_of, require_refusals, with_header
from tests.activitypub.senders import ACTIVITY, ask, unsigned_post


def over(world: World, *covered: str, **headers: str) -> SignedRequest:
    """A note of bob's under a draft-cavage signature over these headers alone."""
    request = unsigned_post(world.bob.activity())
    given = {"Date": http_date(time.time()), "Digest": digest(request.body), **headers}
    for name, value in given.items():
        request = with_header(request, name, value)
    value = cavage.sign(request, world.bob.key, world.bob.key_id, covered)
    return with_header(request, "Signature", value)


def over_9421(world: World, *covered: str, created: int | None = None) -> SignedRequest:
    request = unsigned_post(world.bob.activity())
    request = with_header(request, "Content-Digest", content_digest(request.body))
    made = int(time.time()) if created is None else created
    signature_input, signature = rfc9421.sign(request, world.bob.key, world.bob.key_id, covered, created=made)
    return with_header(with_header(request, "Signature-Input", signature_input), "Signature", signature)


def changed_body(world: World) -> SignedRequest:
    request = world.bob.post()
    return replace(request, body=request.body.replace(b"note", b"nota"))


def changed_body_and_digest(world: World) -> SignedRequest:
    request = changed_body(world)
    return with_header(request, "Digest", digest(request.body))


def to_another_host(world: World) -> SignedRequest:
    """What was signed for another server, and is brought here."""
    meant = replace(unsigned_post(world.bob.activity()), authority="other.example", headers=())
    signed = replace(meant, headers=cavage_headers(meant, world.bob.key, world.bob.key_id, time.time()))
    return with_header(replace(signed, authority=settings.HVX_HOST), "Content-Type", ACTIVITY)


def twice_signed(world: World) -> SignedRequest:
    request = world.bob.post()
    return replace(request, headers=(*request.headers, ("Signature", header_of(request, "Signature"))))


def in_signature(world: World, before: str, after: str) -> SignedRequest:
    """Bob's request with something else in its Signature header."""
    request = world.bob.post()
    value = header_of(request, "Signature")
    assert before in value
    return with_header(request, "Signature", value.replace(before, after))


SIGNATURES: Forgeries = {
    "nobody signed": (lambda w: unsigned_post(w.bob.activity()), (401, "unsigned")),
    "a token in place of a signature": (
        lambda w: with_header(unsigned_post(w.bob.activity()), "Authorization", "Bearer made-up"),
        (401, "unsigned"),
    ),
    "another's key named": (
        lambda w: w.mallory.post(w.bob.activity(), key_id=w.bob.key_id),
        (401, "signature_invalid"),
    ),
    "the body changed": (changed_body, (401, "digest_mismatch")),
    "body and digest changed": (changed_body_and_digest, (401, "signature_invalid")),
    "two digests of which one is true": (
        lambda w: with_header(
            w.bob.post(), "Digest", f"{digest(b'another')},{header_of(w.bob.post(), 'Digest')}"
        ),
        (401, "digest_mismatch"),
    ),
    "no digest": (lambda w: over(w, "(request-target)", "host", "date"), (401, "digest_not_signed")),
    "a digest that nobody trusts": (
        lambda w: over(
            w, "(request-target)", "host", "date", "digest", Digest="MD5=Q2hlY2sgSW50ZWdyaXR5IQ=="
        ),
        (401, "digest_unsupported"),
    ),
    "no address signed": (lambda w: over(w, "host", "date", "digest"), (401, "target_not_signed")),
    "no time signed": (lambda w: over(w, "(request-target)", "host", "digest"), (401, "date_not_signed")),
    "too old": (lambda w: w.bob.post(age=4200), (401, "expired")),
    "from to-morrow": (lambda w: w.bob.post(age=-86_400), (401, "not_yet_valid")),
    "a date of no calendar": (
        lambda w: over(w, "(request-target)", "host", "date", "digest", Date="Sat, 31 Feb 2026 10:00:00 GMT"),
        (401, "date_malformed"),
    ),
    "the date changed": (
        lambda w: with_header(w.bob.post(), "Date", http_date(time.time() - 60)),
        (401, "signature_invalid"),
    ),
    "for another inbox": (
        lambda w: replace(w.bob.post(), target="/users/alice/inbox"),
        (401, "signature_invalid"),
    ),
    "with another query": (
        lambda w: replace(w.bob.post(path="/inbox?a=1"), target="/inbox?a=2"),
        (401, "signature_invalid"),
    ),
    "for another server": (to_another_host, (401, "wrong_host")),
    "another method signed": (
        lambda w: replace(
            w.bob.signed(replace(unsigned_post(w.bob.activity()), method="PUT")), method="POST"
        ),
        (401, "signature_invalid"),
    ),
    "two signatures": (twice_signed, (401, "several_signatures")),
    "a parameter twice": (
        lambda w: in_signature(w, 'keyId="', 'keyId="x",keyId="'),
        (401, "signature_malformed"),
    ),
    "no base64": (lambda w: in_signature(w, 'signature="', 'signature="*'), (401, "signature_malformed")),
    "a secret algorithm": (
        lambda w: in_signature(w, "rsa-sha256", "hmac-sha256"),
        (401, "algorithm_unsupported"),
    ),
    "another algorithm than the key's": (
        lambda w: in_signature(w, "rsa-sha256", "ed25519"),
        (401, "algorithm_mismatch"),
    ),
    "a header without end": (
        lambda w: in_signature(w, 'keyId="', f'keyId="{"a" * 9000}'),
        (401, "too_large"),
    ),
    "a key id with a space": (lambda w: in_signature(w, w.bob.key_id, "a b"), (401, "key_id_malformed")),
    "RFC 9421 over no digest": (lambda w: over_9421(w, "@method", "@target-uri"), (401, "digest_not_signed")),
    "RFC 9421 over no address": (
        lambda w: over_9421(w, "@method", "content-digest"),
        (401, "target_not_signed"),
    ),
    "RFC 9421 over no method": (
        lambda w: over_9421(w, "@target-uri", "content-digest"),
        (401, "method_not_signed"),
    ),
    "RFC 9421 of yesterday": (
        lambda w: over_9421(w, "@method", "@target-uri", "content-digest", created=int(time.time()) - 86_400),
        (401, "expired"),
    ),
    "RFC 9421 by another's key": (
        lambda w: w.mallory.post(w.bob.activity(), key_id=w.bob.key_id, scheme="rfc9421"),
        (401, "signature_invalid"),
    ),
}


async def test_what_is_not_signed_as_it_must_be_is_refused_for_its_reason(
    inboxes: Inboxes, world: World
) -> None:
    await require_refusals(inboxes, world, SIGNATURES)


async def test_a_refusal_quotes_nothing_of_what_came(inboxes: Inboxes, world: World) -> None:
    request = world.bob.post(json.dumps(world.bob.activity(actor="marker-of-this-test")).encode())
    answer = await ask(inboxes, with_header(request, "Signature", "marker-of-this-test"))
    assert answer.status == 401
    assert b"marker" not in answer.body
    assert answer.headers["www-authenticate"].startswith("Signature")
    answer = await ask(inboxes, request)
    assert answer.status == 422
    assert b"marker" not in answer.body
