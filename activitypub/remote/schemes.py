"""By which signature scheme hosts are asked: what they took last, of deliveries too, as their rows say."""

from functools import partial

from activitypub.fetching.knocking import InMemory
from activitypub.protocol.signatures.policy import Scheme
from activitypub.queries import deliveries
from activitypub.services import schemes
from activitypub.threads import in_database


class InRows:
    """For one loop. A row is looked at when its host is asked for the first time, and written when the host
    turns out to take another scheme."""

    def __init__(self) -> None:
        self._asked = InMemory()

    async def of(self, host: str) -> Scheme:
        known = self._asked.get(host)
        if known is None:
            known = await in_database(partial(deliveries.scheme_of, host))
            await self._asked.took(host, known)
        return known

    async def took(self, host: str, scheme: Scheme) -> None:
        await self._asked.took(host, scheme)
        await in_database(partial(schemes.took, host, scheme))
