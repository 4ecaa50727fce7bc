"""What a body hashes to: `Digest` (RFC 3230, RFC 5843) and `Content-Digest` (RFC 9530)."""

import hashlib
from base64 import b64encode
from binascii import Error, a2b_base64
from collections.abc import Iterable

from activitypub.protocol.signatures.reasons import Reason, SignatureError
from activitypub.protocol.signatures.structured_fields import parse_dictionary

MAX_DIGEST_CHARACTERS = 1024

# Both registries have weaker ones too. What is listed here is believed, the rest is passed over.
_ALGORITHMS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


def digest(body: bytes) -> str:
    """The value of a Digest header, SHA-256."""
    return f"SHA-256={b64encode(hashlib.sha256(body).digest()).decode()}"


def content_digest(body: bytes) -> str:
    """The value of a Content-Digest header, sha-256."""
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"


def check_digest(value: str, body: bytes) -> None:
    """Holds the body to a Digest header: algorithms in any case, one or more, comma-separated.

    Raises SignatureError (too_large, digest_malformed, digest_unsupported, digest_mismatch).
    """
    if len(value) > MAX_DIGEST_CHARACTERS:
        raise SignatureError(Reason.TOO_LARGE)
    claimed = []
    for instance in value.split(","):
        name, equals, encoded = instance.strip(" \t").partition("=")
        if not equals:
            raise SignatureError(Reason.DIGEST_MALFORMED)
        if (name := name.lower()) in _ALGORITHMS:
            claimed.append((name, _decoded(encoded)))
    _compare(claimed, body)


def check_content_digest(value: str, body: bytes) -> None:
    """Holds the body to a Content-Digest header.

    Raises SignatureError (too_large, digest_malformed, digest_unsupported, digest_mismatch).
    """
    claimed = []
    for name, (member, _) in parse_dictionary(value, reason=Reason.DIGEST_MALFORMED).items():
        if name in _ALGORITHMS:
            if not isinstance(member, bytes):
                raise SignatureError(Reason.DIGEST_MALFORMED)
            claimed.append((name, member))
    _compare(claimed, body)


def _decoded(encoded: str) -> bytes:
    try:
        return a2b_base64(encoded.encode("ascii"), strict_mode=True)
    except (Error, ValueError):
        raise SignatureError(Reason.DIGEST_MALFORMED) from None


def _compare(claimed: Iterable[tuple[str, bytes]], body: bytes) -> None:
    """All that is claimed must hold: a sender that names two hashes cannot mean two bodies."""
    computed: dict[str, bytes] = {}
    for name, value in claimed:
        if name not in computed:
            computed[name] = _ALGORITHMS[name](body).digest()
        if computed[name] != value:
            raise SignatureError(Reason.DIGEST_MISMATCH)
    if not computed:
        raise SignatureError(Reason.DIGEST_UNSUPPORTED)
