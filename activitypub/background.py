"""What goes on behind the answers: working through what came in, and delivering what goes out."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from django.conf import settings

from activitypub.bell import Bell
from activitypub.delivery.working import Worker as DeliveryWorker
from activitypub.inbox.working import Worker as InboxWorker
from activitypub.remote import session

log = logging.getLogger("activitypub.background")


async def run(stop: asyncio.Event, *, ready: Callable[[], object] = lambda: None) -> None:
    """Do both until `stop` is set; where one ends by a fault, so does the other, and the fault is raised.

    Any number of processes may do it on one PostgreSQL; one on an embedded database. `ready` is called
    once the bell is heard.
    """
    delivering = DeliveryWorker(alone=not settings.CLUSTER)
    working = InboxWorker()

    def wake() -> None:
        working.wake()
        delivering.wake()

    bell = Bell()
    bell.hear(wake)
    ready()
    try:
        await _together(stop, working.run(stop), delivering.run(stop))
    finally:
        bell.close()
        await session.close()


async def _together(stop: asyncio.Event, *loops: Coroutine[Any, Any, None]) -> None:
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(loop)
