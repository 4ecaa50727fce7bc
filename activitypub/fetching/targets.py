"""Which URLs may be fetched, and how they go over the wire.

The text comes from strangers. What two readers could read in two ways is refused before one of them is
the HTTP client: what was judged is what is asked for.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, urljoin, urlsplit

import idna

from activitypub.fetching.errors import Reason, Refused

MAX_URL_CHARACTERS = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}
# Below it a port is that of another protocol, whose servers take orders from whatever bytes arrive.
FIRST_FREE_PORT = 1024

_NAME = re.compile(r"(?!.{254})[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", re.ASCII)
# A name that ends so is read as an IPv4 address by some: 0x7f.1, 2130706433 (WHATWG URL, host parsing).
_ENDS_IN_NUMBER = re.compile(r"(^|\.)([0-9]+|0x[0-9a-f]*)$")
# What stands in paths and queries as it is (RFC 3986 §3.3, §3.4), what is percent-encoded already included.
_AS_IT_IS = "%/:@!$&'()*+,;=-._~?[]"


@dataclass(frozen=True)
class Target:
    """Where a document is asked for.

    `url` is as it goes over the wire: ASCII, host in lower case and as A-label, default port left out, a
    path in any case. Two targets are one address if they are equal. `host` is `host[:port]`.
    """

    url: str
    host: str


def target(url: str, *, plain_http: bool = False) -> Target:
    """Read an absolute URL. `plain_http` lets http pass beside https.

    Raises Refused (bad_url, scheme, port).
    """
    if len(url) > MAX_URL_CHARACTERS or not url.isprintable() or set(url) & set(" \\#"):
        raise Refused(Reason.BAD_URL)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused(Reason.BAD_URL) from None
    if parts.scheme != "https" and not (plain_http and parts.scheme == "http"):
        raise Refused(Reason.SCHEME)
    # A percent sign in a host is a zone, which no other server is in, or a hidden letter.
    if not parts.hostname or set(parts.netloc) & set("@%"):
        raise Refused(Reason.BAD_URL)
    host = _host(parts.hostname, bracketed="[" in parts.netloc)
    if port is not None and port != DEFAULT_PORTS[parts.scheme]:
        if port < FIRST_FREE_PORT and port not in DEFAULT_PORTS.values():
            raise Refused(Reason.PORT, host)
        host = f"{host}:{port}"
    path = quote(parts.path, safe=_AS_IT_IS) or "/"
    query = "?" + quote(parts.query, safe=_AS_IT_IS) if parts.query else ""
    return Target(url=f"{parts.scheme}://{host}{path}{query}", host=host)


def redirected(at: Target, location: str | None, *, plain_http: bool = False) -> Target:
    """Where a `Location` leads from here. Raises Refused as `target` does, and bad_redirect without one."""
    if location is None:
        raise Refused(Reason.BAD_REDIRECT, at.host)
    try:
        there = urljoin(at.url, location)
    except ValueError:
        raise Refused(Reason.BAD_URL, at.host) from None
    return target(there, plain_http=plain_http)


def _host(name: str, *, bracketed: bool) -> str:
    try:
        if bracketed:
            return f"[{IPv6Address(name)}]"
        host = name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
        if _ENDS_IN_NUMBER.search(host):
            return str(IPv4Address(host))
    except (AddressValueError, UnicodeError):
        raise Refused(Reason.BAD_URL) from None
    if not _NAME.fullmatch(host):
        raise Refused(Reason.BAD_URL)
    return host
