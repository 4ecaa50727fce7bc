"""The worker that fetches what a conversation lacks here: what a post answers, and some of the other replies.

Behind everything else, a few at a time and of each host one. What is wanted stands in rows
(activitypub.services.wanting), so a process that dies loses none of it. What comes by it has the same checks
as everything that is fetched.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from django.db import connections
from django.utils import timezone

from activitypub.fetching.errors import DownForNow, NotFetched
from activitypub.models import Wanted
from activitypub.protocol.documents import collections, shapes
from activitypub.protocol.documents.refusals import RefusedDocument
from activitypub.protocol.uris import same_origin
from activitypub.remote import objects, posts
from activitypub.services import wanting
from activitypub.services.posts import is_known
from activitypub.threads import in_database

log = logging.getLogger("activitypub.backfill")
T = TypeVar("T")

AT_ONCE: Final = 4
POLL_SECONDS: Final = 1.0


class Worker:
    """One worker, in one loop. On PostgreSQL any number may work on one database."""

    def __init__(self, *, clock: Callable[[], datetime] = timezone.now) -> None:
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: set[str] = set()
        # A thread waits for other servers, so that these take no other's.
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="backfill")

    async def run(self, stop: asyncio.Event) -> None:
        """Fetch what is due until `stop` is set; what is being fetched then is fetched another time."""
        working = asyncio.create_task(self._work_for_ever())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (ending := {working, stopping, *self._tasks}):
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            # Threads end when the process closes its way to other servers.
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def drain(self) -> None:
        """Fetch until nothing is due. Instead of `run`, not beside it."""
        while await self._round() or self._tasks:
            if self._tasks:
                await asyncio.wait(set(self._tasks), return_when=asyncio.FIRST_COMPLETED)
        self._threads.shutdown()

    async def _work_for_ever(self) -> None:
        while True:
            begun = False
            try:
                begun = await self._round()
            except Exception:
                log.exception("the database did not tell what is wanted")
            if self._tasks:
                await asyncio.wait(
                    set(self._tasks), timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
            elif not begun:
                await asyncio.sleep(POLL_SECONDS)

    async def _round(self) -> bool:
        """Begin what is due, as far as there is room; whether anything was."""
        room = AT_ONCE - len(self._tasks)
        if not room:
            return False
        taken = await self._in_thread(partial(wanting.take, room, self._clock(), busy=set(self._busy)))
        for wanted in taken:
            self._busy.add(wanted.host)
            task = asyncio.create_task(self._fetch(wanted))
            self._tasks.add(task)
            task.add_done_callback(partial(self._ended, wanted.host))
        return bool(taken)

    def _ended(self, host: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._busy.discard(host)

    async def _fetch(self, wanted: Wanted) -> None:
        try:
            await self._in_thread(partial(fetch, wanted, self._clock))
        except Exception as error:
            # Its text may hold what came from elsewhere, so the kind alone is told. The row says when it is
            # due again.
            fields = {"kind": type(error).__name__, "id": wanted.pk}
            log.error("a conversation was not fetched", extra={"fields": fields})

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
    """Some of the replies that its document, fetched a moment ago, lists, or some pages of the same server."""
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
