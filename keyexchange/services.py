"""Ending exchanges from outside the socket."""

import asyncio
import time

from django.db import transaction

from devices.protocol.device_hash import DeviceHash
from keyexchange import bells
from keyexchange.protocol.exchange import Woken
from keyexchange.store import exchange_store


def end_exchanges_of(device: str, account_id: str) -> None:
    """End, once the caller's transaction is committed, what `device` takes part in.

    Called in the transaction in which the device ends or is active no longer. A store that fails
    does not undo the revocation: the device's sockets close all the same, its frames are refused,
    and the exchange runs out within two minutes.
    """
    transaction.on_commit(lambda: _end(DeviceHash(device), account_id), robust=True)


def _end(device: DeviceHash, account_id: str) -> None:
    bells.ring_from_thread(asyncio.run(_without(device, account_id)))


async def _without(device: DeviceHash, account_id: str) -> Woken:
    store = exchange_store()
    try:
        return await store.transact(account_id, lambda desk: desk.without(device, time.time()))
    finally:
        await store.close()
