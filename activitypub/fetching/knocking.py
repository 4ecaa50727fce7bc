"""By which signature scheme a host is asked: what it took last, then the other one."""

from collections.abc import Mapping
from typing import Final, Protocol

from cachetools import LRUCache

from activitypub.fetching.manners import MOST_HOSTS
from activitypub.protocol.signatures.policy import Scheme

# What a server says to a scheme that it does not know: some cannot even read the header.
UNLIKED: Final = frozenset({400, 401, 403})
OTHER: Final[Mapping[Scheme, Scheme]] = {
    Scheme.CAVAGE: Scheme.RFC9421,
    Scheme.RFC9421: Scheme.CAVAGE,
}


class Schemes(Protocol):
    """What hosts, `host[:port]`, are known to take."""

    async def of(self, host: str) -> Scheme:
        """What it is asked by first."""

    async def took(self, host: str, scheme: Scheme) -> None:
        """It has taken this one, and not the one by which it was asked first."""


class InMemory:
    """Known as long as this lasts, of so many hosts."""

    def __init__(self) -> None:
        self._known: LRUCache[str, Scheme] = LRUCache(MOST_HOSTS)

    def get(self, host: str) -> Scheme | None:
        return self._known.get(host)

    async def of(self, host: str) -> Scheme:
        return self.get(host) or Scheme.CAVAGE

    async def took(self, host: str, scheme: Scheme) -> None:
        self._known[host] = scheme
