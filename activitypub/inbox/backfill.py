"""The worker that fetches what a conversation lacks here: what a post answers, and some of the other replies.

Behind everything else, a few at a time and of each host one. What is wanted stands in rows
(activitypub.services.wanting), so a process that dies loses none of it. What comes by it has the same checks
as everything that is fetched.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TypeVar

from django.db import connections
from django.utils import timezone

from activitypub import rounds
from activitypub.fetching.errors import DownForNow, NotFetched
from activitypub.models import Wanted
from activitypub.protocol.documents import collections, shapes
from activitypub.protocol.documents.refusals import RefusedDocument
from activitypub.protocol.uris import same_origin
from activitypub.remote import objects, posts
from activitypub.services import wanting
from activitypub.services.posts import is_known
from activitypub.threads import in_database

T = TypeVar("T")


class Worker(rounds.Worker[Wanted]):
    """Fetches it. On PostgreSQL any number may work on one database."""

    AT_ONCE = 4
    LOG = logging.getLogger("activitypub.backfill")

    def __init__(self, *, clock: Callable[[], datetime] = timezone.now) -> None:
        super().__init__()
        self._clock = clock
        # A thread waits for other servers, so that these take no other's.
        self._threads = ThreadPoolExecutor(self.AT_ONCE, thread_name_prefix="backfill")

    async def _take(self, most: int, busy: Collection[str]) -> Sequence[Wanted]:
        return await self._in_thread(partial(wanting.take, most, self._clock(), busy=busy))

    async def _do(self, wanted: Wanted) -> None:
        await self._in_thread(partial(fetch, wanted, self._clock))

    async def _close(self) -> None:
        # Threads end when the process closes its way to other servers.
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await in_database(partial(_alone, call), self._threads)


def fetch(wanted: Wanted, clock: Callable[[], datetime] = timezone.now) -> None:
    """Keep the post, and want what it answers and some of its replies."""
    try:
        row = posts.resolve(wanted.uri)
        replies = _replies(wanted.uri) if wanted.steps else []
    except DownForNow:
        wanting.put_off(wanted, clock())
    except NotFetched:
        wanting.give_up(wanted)
    else:
        wanting.had(wanted, row, replies, clock())


def _replies(uri: str) -> Sequence[str]:
    """Some of the replies that its document, fetched a moment ago, lists, or pages of the same server."""
    ids: dict[str, None] = {}
    with suppress(NotFetched, RefusedDocument):
        listed = shapes.reference(objects.fetch(uri).get("replies"))
        # The collection, its first page, and two more.
        for _ in range(4):
            if listed is None or (listed.id is not None and not same_origin(listed.id, uri)):
                break
            found = collections.collection(listed.inline or objects.fetch(listed.id or ""))
            # The address alone: whatever stands there says itself what it is.
            ids |= dict.fromkeys(item.id for item in found.items if item.id is not None)
            if len(ids) >= wanting.REPLIES:
                break
            listed = found.first or shapes.reference(found.next)
    return [id_ for id_ in list(ids)[: wanting.REPLIES] if not is_known(id_)]


def _alone(call: Callable[[], T]) -> T:
    try:
        return call()
    finally:
        # There is long nothing to do.
        connections.close_all()
