"""Addresses that name things: http and https URIs, and the origin that answers for them.

An origin is scheme, host and port together (RFC 6454, and FEP-fe34 for what it means here). Who controls
an origin can sign as everybody on it, so it is the border behind which a server is believed.
"""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import Final, NamedTuple, TypeGuard

import idna

MAX_URI_CHARACTERS: Final = 2048
MAX_HOST_CHARACTERS: Final = 253

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

# What may follow the host: no white space, control or invisible character, nothing that ends an attribute
# or a quoted header, and no backslash, which some readers take for a slash.
_REST = r"""[^\s\x00-\x1f\x7f-\x9f"<>\\\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]*"""
# The host is a name or an IPv6 address. Neither `@` nor `%` is in it: no credentials, one spelling. Other
# letters than ASCII's are for people to type: servers write A-labels, and a thousand names would cost
# what a thousand signatures cost.
_HOST = r"\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_\-.]{1,253}"
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_URI = re.compile(rf"(https?)://({_HOST})(?::([0-9]{{1,5}}))?(?:[/?\#]{_REST})?")


class Origin(NamedTuple):
    """Scheme, host in lower-case A-labels, and port: equal where the same server answers."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """`host`, or `host:port` where the port is not the scheme's own: what stands in a handle."""
        return self.host if self.port == _DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"


@lru_cache(maxsize=4096)
def origin_of(uri: str) -> Origin | None:
    """Return the origin of an http or https URI, or None for whatever else the text is.

    None too for more than 2048 characters, credentials, a host that is no name in A-labels, white space
    and characters that cannot be seen.
    """
    if len(uri) > MAX_URI_CHARACTERS:
        return None
    match = _URI.fullmatch(uri)
    if match is None:
        return None
    scheme, host, port = match.groups()
    if scheme is None or host is None:
        return None
    name = host_name(host)
    number = int(port) if port else _DEFAULT_PORTS[scheme]
    if name is None or not 0 < number < 65536:
        return None
    return Origin(scheme, name, number)


def host_name(host: str) -> str | None:
    """Return a host without port, as people may type it, as lower-case A-labels, or None if it is no name.

    A name with a dot at its end is refused: it would be another host for a list of blocked ones.
    """
    if host.startswith("["):
        try:
            return f"[{IPv6Address(host[1:-1])}]"
        except AddressValueError:
            return None
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except idna.IDNAError:
            return None
    host = host.lower()
    if len(host) > MAX_HOST_CHARACTERS or not all(map(_LABEL.fullmatch, host.split("."))):
        return None
    return host


def is_uri(value: object) -> TypeGuard[str]:
    """Whether this is an http or https URI that can be asked: the only names that this server takes."""
    return isinstance(value, str) and origin_of(value) is not None


def same_origin(uri: str, *others: str) -> bool:
    """Whether all are URIs of one origin. What is no URI has no origin, so it shares none."""
    origin = origin_of(uri)
    return origin is not None and all(origin_of(other) == origin for other in others)


def without_fragment(uri: str) -> str:
    """Return what is sent to the host of this URI: all before `#`."""
    return uri.partition("#")[0]
