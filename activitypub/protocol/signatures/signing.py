"""The headers that sign a request of ours, by either scheme."""

from dataclasses import replace

from activitypub.protocol.signatures import cavage, rfc9421
from activitypub.protocol.signatures.cavage import REQUEST_TARGET
from activitypub.protocol.signatures.dates import http_date
from activitypub.protocol.signatures.digests import content_digest, digest
from activitypub.protocol.signatures.keys import PrivateKey
from activitypub.protocol.signatures.messages import Headers, SignedRequest


def cavage_headers(request: SignedRequest, key: PrivateKey, key_id: str, now: float) -> Headers:
    """Host, Date, the request's own headers, Digest where there is a body, and Signature over all of them.

    The request target is signed too. `request` has none of those headers yet; its `authority` is the Host
    that is sent. `now` is Unix seconds. Raises SignatureError where a part of it cannot stand in a header.
    """
    headers: Headers = (("Host", request.authority), ("Date", http_date(now)), *request.headers)
    covered = [REQUEST_TARGET, "host", "date", *(name.lower() for name, _ in request.headers)]
    if request.body:
        headers += (("Digest", digest(request.body)),)
        covered.append("digest")
    signature = cavage.sign(replace(request, headers=headers), key, key_id, covered)
    return (*headers, ("Signature", signature))


def rfc9421_headers(request: SignedRequest, key: PrivateKey, key_id: str, now: float) -> Headers:
    """The request's own headers, Content-Digest where there is a body, Signature-Input and Signature.

    Signed are method, address and those headers; otherwise as `cavage_headers`. The Host needs no line,
    since the address has it.
    """
    headers = request.headers
    covered = ["@method", "@target-uri", *(name.lower() for name, _ in headers)]
    if request.body:
        headers += (("Content-Digest", content_digest(request.body)),)
        covered.append("content-digest")
    signature_input, signature = rfc9421.sign(
        replace(request, headers=headers), key, key_id, covered, created=int(now)
    )
    return (*headers, ("Signature-Input", signature_input), ("Signature", signature))
