"""Desks in Redis, for any number of processes. Redis sees sealed bytes only.

An account's records are one key; the outbox of each exchange is another, which Redis itself drops
at the end of the two minutes even if every worker is dead by then.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final, cast
from weakref import WeakKeyDictionary

from django.conf import settings
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError, WatchError

from audit.errors import StorageUnavailable
from keyexchange.protocol.desk import Desk
from keyexchange.protocol.exchange import REMEMBERED_SECONDS, Woken
from keyexchange.protocol.frames import ExchangeId
from keyexchange.store import codec
from keyexchange.store.base import Change
from vault.sealing import open_bytes, seal_bytes

ATTEMPTS: Final = 50
LONGEST_PAUSE_SECONDS: Final = 0.02
CONNECTIONS: Final = 32

_PURPOSE = "exchange"


class RedisExchangeStore:
    """Optimistic: a change is made from what was read and saved only if nobody saved in between."""

    shared = True

    def __init__(self, url: str | None = None) -> None:
        self._url = url or settings.HVX_REDIS_URL
        # A connection belongs to the loop that opened it.
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = WeakKeyDictionary()

    async def transact(self, account_id: str, change: Change) -> Woken:
        async with self._reached() as client, client.pipeline(transaction=True) as pipe:
            for attempt in range(ATTEMPTS):
                await pipe.watch(_records_key(account_id))
                desk = await self._load(pipe, account_id)
                changed, woken = change(desk)
                if changed is desk:
                    return woken
                pipe.multi()  # type: ignore[no-untyped-call]
                self._save(pipe, account_id, desk, changed)
                try:
                    await pipe.execute()
                except WatchError:
                    # Of those who collide one always gets through; the others come apart by chance.
                    pause = min(LONGEST_PAUSE_SECONDS, 0.001 * 2**attempt)
                    await asyncio.sleep(random.uniform(0, pause))  # noqa: S311
                    continue
                return woken
        raise StorageUnavailable

    async def read(self, account_id: str) -> Desk:
        async with self._reached() as client:
            return await self._load(client, account_id)

    async def close(self) -> None:
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    @asynccontextmanager
    async def _reached(self) -> AsyncIterator[Redis]:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            # A crowd waits for a connection: the driver's usual pool turns the hundred-and-first away.
            pool = BlockingConnectionPool.from_url(self._url, max_connections=CONNECTIONS)
            client = self._clients[loop] = Redis.from_pool(pool)
        try:
            yield client
        except (RedisError, OSError):
            # The driver's text may quote a command, and so a frame.
            raise StorageUnavailable from None

    async def _load(self, client: "Redis | Pipeline", account_id: str) -> Desk:
        sealed = await cast(Awaitable[bytes | None], client.get(_records_key(account_id)))
        if sealed is None:
            return Desk()
        desk, held = codec.unpack_records(open_bytes(_PURPOSE, [account_id], sealed))
        if not held:
            return desk
        outboxes = await cast(
            Awaitable[list[bytes | None]], client.mget([_outbox_key(account_id, id) for id in held])
        )
        exchanges = dict(desk.exchanges)
        for id, outbox in zip(held, outboxes, strict=True):
            # None: its time came between the two reads, or by Redis's clock before ours.
            if outbox is not None:
                opened = codec.unpack_outbox(open_bytes(_PURPOSE, [account_id, id], outbox))
                exchanges[id] = replace(exchanges[id], outbox=opened)
        return Desk(exchanges)

    def _save(self, pipe: Pipeline, account_id: str, old: Desk, new: Desk) -> None:
        """Queue the change. Every change writes the records, so watching that key watches all."""
        for id in old.exchanges.keys() - new.exchanges.keys():
            pipe.delete(_outbox_key(account_id, id))
        for id, exchange in new.exchanges.items():
            before = old.exchanges.get(id)
            if before is not None and before.outbox == exchange.outbox:
                continue
            key = _outbox_key(account_id, id)
            if exchange.outbox:
                sealed = seal_bytes(_PURPOSE, [account_id, id], codec.pack_outbox(exchange.outbox))
                pipe.set(key, sealed, pxat=int(exchange.next_change * 1000))
            else:
                pipe.delete(key)
        records = _records_key(account_id)
        if not new.exchanges:
            pipe.delete(records)
            return
        newest = max(exchange.requested_at for exchange in new.exchanges.values())
        pipe.set(
            records,
            seal_bytes(_PURPOSE, [account_id], codec.pack_records(new)),
            pxat=int((newest + REMEMBERED_SECONDS) * 1000),
        )


def _records_key(account_id: str) -> str:
    return f"hvx:exchange:{account_id}"


def _outbox_key(account_id: str, exchange: ExchangeId) -> str:
    return f"hvx:exchange:{account_id}:{exchange}"
