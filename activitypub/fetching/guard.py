"""The session in which other servers are spoken to, with a guard at the socket.

A URL's text says nothing about where a connection goes: a name may have any address, another one a moment
later, and a redirect names the next. So what is judged is the address that is connected to, when it is.
"""

import socket
import ssl
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import AsyncResolver

from activitypub.protocol.addresses import is_loopback, is_public

Rule = Callable[[str], bool]

CONNECTIONS = 500
CONNECTIONS_PER_HOST = 8
# A name may be given thousands of addresses, and each would be tried.
ADDRESSES_PER_NAME = 6


class AddressForbidden(OSError):
    """No server of the fediverse has this address.

    Its text is always the same: of a name whose addresses are all forbidden, aiohttp then raises this one.
    """

    def __init__(self) -> None:
        super().__init__("the address is forbidden")


def public_or_loopback(address: str) -> bool:
    """The rule where peers may run on this machine, in tests and demonstrations."""
    return is_public(address) or is_loopback(address)


class _FewAddresses(AbstractResolver):
    """Another resolver, of whose answers only the first few are taken."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return (await self._inner.resolve(host, port, family))[:ADDRESSES_PER_NAME]

    async def close(self) -> None:
        await self._inner.close()


class _Connector(aiohttp.TCPConnector):
    """A connector that closes its resolver even if it did not make it."""

    async def close(self, *, abort_ssl: bool = False) -> None:
        await super().close(abort_ssl=abort_ssl)
        await self._resolver.close()


def guarded_sockets(allowed: Rule) -> Callable[[Any], socket.socket]:
    """A factory that makes a socket for an address, as getaddrinfo gives it, if the rule allows it.

    Raises AddressForbidden. Every connection passes here, literal addresses too, which ask no resolver.
    """

    def make(info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        if not allowed(address[0]):
            raise AddressForbidden
        return socket.socket(family=family, type=kind, proto=protocol)

    return make


def open_session(
    *,
    user_agent: str,
    allowed: Rule = is_public,
    resolver: AbstractResolver | None = None,
    trust: ssl.SSLContext | None = None,
    per_host: int = CONNECTIONS_PER_HOST,
) -> aiohttp.ClientSession:
    """A session for GET and POST to other servers; whoever opens it closes it, in the same loop.

    It keeps connections alive and no cookies, asks no proxy, and has no time limit of its own. `trust` is
    for other certificate authorities than the system's.
    """
    connector = _Connector(
        resolver=_FewAddresses(resolver or AsyncResolver()),
        socket_factory=guarded_sockets(allowed),
        limit=CONNECTIONS,
        limit_per_host=per_host,
        ssl=trust or True,
    )
    return aiohttp.ClientSession(
        connector=connector,
        connector_owner=True,
        cookie_jar=aiohttp.DummyCookieJar(),
        # An operator's proxy would connect in our place, unguarded.
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        headers={"User-Agent": user_agent, "Accept-Encoding": "gzip"},
    )
