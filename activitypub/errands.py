"""The worker that does what is due by the clock.

An errand's row is there until it is done, so none is lost when this process dies. What it needs of another
server is fetched with no transaction open.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from django.utils import timezone

from activitypub import rounds
from activitypub.fetching.errors import DownForNow, NotFetched
from activitypub.models import Errand, ErrandKind
from activitypub.remote import objects
from activitypub.services import errands, host_blocks, leaving, moving, polls
from activitypub.services.errands import Does, Found
from activitypub.threads import OneThread


@dataclass(frozen=True)
class Kind:
    """`asks` is what stands elsewhere and is to be fetched first, if anything; both are called with the
    database."""

    does: Does
    asks: Callable[[Errand], str | None] = lambda errand: None


KINDS: Final[Mapping[ErrandKind, Kind]] = {
    ErrandKind.POLL_TOLD: Kind(polls.tell),
    ErrandKind.POLL_ENDED: Kind(polls.end, polls.asked_at_end),
    ErrandKind.FOLLOWERS_MOVED: Kind(moving.move_on),
    ErrandKind.ACTOR_GONE: Kind(leaving.leave, leaving.asked),
    ErrandKind.HOST_BLOCKED: Kind(host_blocks.sever),
}


class Worker(rounds.Worker[Errand]):
    """Does them; where `elsewhere` is not None those about other servers, or the others. On PostgreSQL any
    number may work on one database."""

    AT_ONCE = 16
    LOG = logging.getLogger("activitypub.errands")

    def __init__(
        self, *, clock: Callable[[], datetime] = timezone.now, elsewhere: bool | None = None
    ) -> None:
        super().__init__()
        self._elsewhere = elsewhere
        self._clock = clock
        self._in_database = OneThread("errands")

    async def _take(self, most: int, busy: Collection[str]) -> Sequence[Errand]:
        take = partial(errands.take, most, self._clock(), busy=busy, elsewhere=self._elsewhere)
        return await self._in_database(take)

    async def _close(self) -> None:
        await self._in_database.close()

    async def _do(self, errand: Errand) -> None:
        kind = KINDS[ErrandKind(errand.kind)]
        # Where what it needs is not to be had for now, its row says when it is due again.
        with suppress(DownForNow):
            uri = await self._in_database(partial(kind.asks, errand))
            found = await self._fetched(uri) if uri is not None else None
            await self._in_database(partial(errands.do, errand, kind.does, found, self._clock()))

    async def _fetched(self, uri: str) -> Found:
        try:
            return await objects.afetch(uri, max_age=0.0)
        except NotFetched as error:
            return error
