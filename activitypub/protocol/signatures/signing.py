"""The headers that sign a request of ours, by either scheme."""

from dataclasses import replace

from activitypub.protocol.signatures import cavage, rfc9421
from activitypub.protocol.signatures.cavage import REQUEST_TARGET
from activitypub.protocol.signatures.dates import http_date
from activitypub.protocol.signatures.digests import content_digest, digest
from activitypub.protocol.signatures.keys import PrivateKey
from activitypub.protocol.signatures.messages import Headers, SignedRequest


def cavage_headers(request: SignedRequest, key: PrivateKey, key_id: str, now: float) -> Headers:
    """Host, Date, Digest where there is a body, and Signature over them and the request target.

    `request` needs no headers; its `authority` is the Host that is sent. `now` is Unix seconds. Raises
    SignatureError where a part of it cannot stand in a header.
    """
    headers: Headers = (("Host", request.authority), ("Date", http_date(now)))
    covered = [REQUEST_TARGET, "host", "date"]
    if request.body:
        headers += (("Digest", digest(request.body)),)
        covered.append("digest")
    signature = cavage.sign(replace(request, headers=headers), key, key_id, covered)
    return (*headers, ("Signature", signature))


def rfc9421_headers(request: SignedRequest, key: PrivateKey, key_id: str, now: float) -> Headers:
    """Content-Digest where there is a body, Signature-Input and Signature over method, address and digest.

    As `cavage_headers`; the Host needs no line, since the address has it.
    """
    headers: Headers = ()
    covered = ["@method", "@target-uri"]
    if request.body:
        headers = (("Content-Digest", content_digest(request.body)),)
        covered.append("content-digest")
    signature_input, signature = rfc9421.sign(
        replace(request, headers=headers), key, key_id, covered, created=int(now)
    )
    return (*headers, ("Signature-Input", signature_input), ("Signature", signature))
