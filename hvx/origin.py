"""The origin of a server and the host part of its accounts, as PROTOCOL §1 writes them."""

from urllib.parse import urlsplit

import idna
from django.core.exceptions import ImproperlyConfigured

DEFAULT_PORTS = {"http": 80, "https": 443}


class BadOrigin(ImproperlyConfigured):
    """The text is no origin: `scheme://host[:port]` and nothing behind it."""


def normalise_origin(text: str) -> str:
    """Lower-case `scheme://host[:port]`, A-label, default port left out, no slash at the end.

    Raises BadOrigin for anything that carries more than scheme, host and port.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise BadOrigin(f"HVX_ORIGIN is no address: {text!r}") from error
    if (
        parts.scheme not in DEFAULT_PORTS
        or not parts.hostname
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or parts.username is not None
        or parts.password is not None
    ):
        raise BadOrigin(f"HVX_ORIGIN must be scheme://host[:port], not {text!r}")
    host = parts.hostname.lower()
    if ":" in host:
        host = f"[{host}]"
    else:
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise BadOrigin(f"HVX_ORIGIN has a host that no A-label can hold: {text!r}") from error
    if port is None or port == DEFAULT_PORTS[parts.scheme]:
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{port}"


def host_of(origin: str) -> str:
    """The `host[:port]` that stands behind the @ of every account of this origin."""
    return origin.split("://", 1)[1]
