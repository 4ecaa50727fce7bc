"""What a server does by the clock: ends idle devices and expired access keys, forgets spent challenges."""

import asyncio
import logging

from channels.db import database_sync_to_async

from activitypub.services import erasure, forgetting, keys
from audit.checkpoints import checkpoint
from devices import idempotency
from devices.services import challenges, lifecycle
from keyexchange import journal

log = logging.getLogger("hvx.housekeeping")

# A challenge lives for as long: strangers can ask for many, and what is spent or over goes at once.
PERIOD = 300.0
FIRST = 30.0


def sweep() -> None:
    """One round; every step may run in several processes at once and twice."""
    ended = lifecycle.end_idle_devices()
    lifecycle.end_expired_devices()
    challenges.forget_expired_challenges()
    idempotency.forget_old_answers()
    journal.sweep()
    erasure.forget_told()
    forgetting.forget_old()
    keys.wipe_retired()
    checkpoint()
    if ended:
        log.info("idle devices ended", extra={"fields": {"count": ended}})


async def close_house() -> None:
    """At the end of a process: what was written since the last checkpoint is in the next one."""
    try:
        await database_sync_to_async(checkpoint)()
    except Exception:
        log.exception("the last checkpoint of the audit failed")


async def keep_house() -> None:
    """Sweep every five minutes until cancelled. A failed round is logged and the next one tries again."""
    await asyncio.sleep(FIRST)
    while True:
        try:
            await database_sync_to_async(sweep)()
        except Exception:
            log.exception("housekeeping failed")
        await asyncio.sleep(PERIOD)
