"""What goes on behind the answers: what came in and what goes out, what is due by the clock, and what a
conversation lacks."""

import asyncio
from collections.abc import Callable

from django.conf import settings

from activitypub.bell import Bell
from activitypub.delivery import working as delivering
from activitypub.errands import Worker as ErrandWorker
from activitypub.inbox import working as receiving
from activitypub.inbox.backfill import Worker as BackfillWorker
from activitypub.protocol.retry import Outcome
from activitypub.remote import session


async def run(
    stop: asyncio.Event, *, ready: Callable[[], object], delivered: Callable[[Outcome, int], object]
) -> None:
    """Do all of it until `stop` is set; where one ends by a fault, so do the others, and the fault is raised.

    Any number of processes may do it on PostgreSQL, one on an embedded database. `ready` is called once
    the bell is heard; `delivered` hears what attempts at deliveries came to, and how many did.
    """
    workers = (receiving.Worker(), delivering.Worker(alone=not settings.CLUSTER, told=delivered))
    bell = Bell()
    bell.hear(*(worker.wake for worker in workers))
    ready()
    try:
        async with asyncio.TaskGroup() as group:
            # What asks nobody waits behind no host that hangs, however many there are.
            group.create_task(ErrandWorker(elsewhere=False).run(stop))
            group.create_task(ErrandWorker(elsewhere=True).run(stop))
            group.create_task(BackfillWorker().run(stop))
            for worker in workers:
                group.create_task(worker.run(stop))
    finally:
        bell.close()
        await session.close()
        # What threads are fetching ends with it.
        await asyncio.to_thread(session.close_thread)
