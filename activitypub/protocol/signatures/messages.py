"""The HTTP messages that a signature covers, as they came.

Header values are text in ISO 8859-1, which gives every byte back as it was.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from activitypub.protocol.signatures.reasons import Reason, SignatureError

Headers = tuple[tuple[str, str], ...]
Fields = dict[str, list[str]]

DEFAULT_PORTS = {"http": ":80", "https": ":443"}
OWS = " \t"


@dataclass(frozen=True)
class SignedRequest:
    """A request, before anybody believes it.

    `target` is what stands in the request line, percent-encoded as it came. `scheme` and `authority`
    (`host` or `host:port`) are this server's own, from its origin: what a request says of them is
    compared and never believed. `body` is the whole body.
    """

    method: str
    target: str
    authority: str
    headers: Headers
    body: bytes = b""
    scheme: str = "https"
    trailers: Headers = ()

    @cached_property
    def fields(self) -> Fields:
        """Lower-case name to the canonical values of its lines, in order. Raises SignatureError."""
        return canonical_fields(self.headers)


@dataclass(frozen=True)
class SignedResponse:
    """A response, and the request that it answers."""

    status: int
    headers: Headers
    request: SignedRequest
    trailers: Headers = ()

    @cached_property
    def fields(self) -> Fields:
        """Lower-case name to the canonical values of its lines, in order. Raises SignatureError."""
        return canonical_fields(self.headers)


def decoded(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of an ASGI scope as text."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def canonical_fields(headers: Headers) -> Fields:
    """Every field's lines without the white space around them, folded lines made one (RFC 9421 §2.1).

    Raises SignatureError (field_malformed) for a line break that folds nothing.
    """
    fields: Fields = {}
    for name, value in headers:
        if "\n" in value or "\r" in value:
            value = _unfolded(value)
        fields.setdefault(name.lower(), []).append(value.strip(OWS))
    return fields


def _unfolded(value: str) -> str:
    first, *rest = value.replace("\r\n", "\n").split("\n")
    if not all(line.startswith((" ", "\t")) for line in rest):
        # A line break that is let through would forge a line of the signing string.
        raise SignatureError(Reason.FIELD_MALFORMED)
    unfolded = " ".join(line.strip(OWS) for line in (first, *rest))
    if "\r" in unfolded:
        raise SignatureError(Reason.FIELD_MALFORMED)
    return unfolded


def combined(fields: Fields, name: str) -> str:
    """The one value of a field, its lines joined by `, `. Raises SignatureError (field_missing)."""
    try:
        return ", ".join(fields[name])
    except KeyError:
        raise SignatureError(Reason.FIELD_MISSING) from None


def normal_authority(authority: str, scheme: str) -> str:
    """Lower case, without the scheme's own port (RFC 9421 §2.2.3)."""
    return authority.lower().removesuffix(DEFAULT_PORTS.get(scheme, ":"))
