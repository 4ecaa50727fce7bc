"""Ending exchanges from outside the socket."""

import asyncio
import time
from collections.abc import Collection

from django.db import transaction

from audit.services import record_all
from devices.protocol.device_hash import DeviceHash
from keyexchange import bells, journal
from keyexchange.protocol.desk import Desk
from keyexchange.protocol.exchange import Woken
from keyexchange.store import exchange_store


def end_exchanges_of(device: str, account_id: str) -> None:
    """End, once the caller's transaction is committed, what `device` takes part in.

    Called in the transaction in which the device ends or is active no longer. A store that fails
    does not undo the revocation: the device's sockets close all the same, its frames are refused,
    and the exchange runs out within two minutes. That the device ended is in the audit by then; that
    its exchanges did is written once they have.
    """
    transaction.on_commit(lambda: _end(DeviceHash(device), account_id), robust=True)


def _end(device: DeviceHash, account_id: str) -> None:
    woken, ended = asyncio.run(_without(device, account_id))
    bells.ring_from_thread(woken)
    record_all([journal.entry_of(one, account_id, device) for one in ended])


async def _without(device: DeviceHash, account_id: str) -> tuple[Woken, Collection[journal.Happening]]:
    store = exchange_store()
    ended: Collection[journal.Happening] = ()

    def change(desk: Desk) -> tuple[Desk, Woken]:
        nonlocal ended
        changed, woken = desk.without(device, time.time())
        ended = journal.happenings(desk, changed)
        return changed, woken

    try:
        return await store.transact(account_id, change), ended
    finally:
        await store.close()
