"""Which URLs may be fetched, and how they go over the wire.

The text comes from strangers. What two readers could read in two ways is refused before one of them is
the HTTP client: what was judged is what is asked for.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from activitypub.fetching.errors import Reason, Refused
from activitypub.protocol.uris import origin_of

# Below it a port is that of another protocol, whose servers take orders from whatever bytes arrive.
FIRST_FREE_PORT: Final = 1024
_HTTP_PORTS: Final = frozenset({80, 443})

# A name that ends so is read as an IPv4 address by some: 0x7f.1, 2130706433 (WHATWG URL, host parsing).
_ENDS_IN_NUMBER = re.compile(r"(^|\.)([0-9]+|0x[0-9a-f]*)$")
# What stands in paths and queries as it is (RFC 3986 §3.3, §3.4), what is percent-encoded already included.
_AS_IT_IS: Final = "%/:@!$&'()*+,;=-._~?[]"


@dataclass(frozen=True)
class Target:
    """Where a document is asked for.

    `url` is as it goes over the wire: ASCII, host in lower case and as A-label, default port left out, the
    path as it was given. Two targets are one address if they are equal. `host` is `host[:port]`.
    """

    url: str
    host: str


def target(url: str, *, plain_http: bool = False) -> Target:
    """Read an absolute URL without fragment. `plain_http` lets http pass beside https.

    Raises Refused (bad_url, plain_http, port).
    """
    origin = origin_of(url)
    if origin is None or "#" in url or _is_odd_number(origin.host):
        raise Refused(Reason.BAD_URL)
    if origin.scheme != "https" and not plain_http:
        raise Refused(Reason.PLAIN_HTTP, origin.authority)
    if origin.port < FIRST_FREE_PORT and origin.port not in _HTTP_PORTS:
        raise Refused(Reason.PORT, origin.authority)
    return Target(url=f"{origin.scheme}://{origin.authority}{_rest(url)}", host=origin.authority)


def redirected(at: Target, location: str | None, *, plain_http: bool = False) -> Target:
    """Where a `Location` leads from here. Raises Refused as `target` does, and bad_redirect without one."""
    if location is None:
        raise Refused(Reason.BAD_REDIRECT, at.host)
    try:
        there = urljoin(at.url, location)
    except ValueError:
        raise Refused(Reason.BAD_URL, at.host) from None
    return target(there, plain_http=plain_http)


def _rest(url: str) -> str:
    """Path and query."""
    parts = urlsplit(url)
    path = quote(parts.path, safe=_AS_IT_IS) or "/"
    return f"{path}?{quote(parts.query, safe=_AS_IT_IS)}" if parts.query else path


def _is_odd_number(host: str) -> bool:
    """Whether this is an IPv4 address for some readers and none for others."""
    if not _ENDS_IN_NUMBER.search(host):
        return False
    try:
        IPv4Address(host)
    except AddressValueError:
        return True
    return False
