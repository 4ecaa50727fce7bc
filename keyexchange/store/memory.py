"""Desks in this process's memory, for the one process of the embedded mode."""

import asyncio
import threading
import time
from collections.abc import Callable

from keyexchange.protocol.desk import Desk
from keyexchange.protocol.exchange import Woken
from keyexchange.store.base import Change

_EMPTY = Desk()


class MemoryExchangeStore:
    """A desk is immutable, so a reader needs no lock and no copy: it holds one state, whole."""

    shared = False

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._desks: dict[str, Desk] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        # Revocations come from the threads of HTTP requests. Held for no longer than a change takes.
        self._lock = threading.Lock()

    async def transact(self, account_id: str, change: Change) -> Woken:
        with self._lock:
            desk = self._desks.get(account_id, _EMPTY)
            changed, woken = change(desk)
            if changed is not desk:
                self._save(account_id, changed)
        return woken

    async def read(self, account_id: str) -> Desk:
        return self._desks.get(account_id, _EMPTY)

    async def close(self) -> None:
        """There is nothing to give back."""

    def _save(self, account_id: str, desk: Desk) -> None:
        if not desk.exchanges:
            self._desks.pop(account_id, None)
            return
        self._desks[account_id] = desk
        timer = self._timers.get(account_id)
        delay = max(desk.next_change - self._clock(), 0)
        loop = asyncio.get_running_loop()
        # Only a request brings the next change nearer, and requests come over sockets: a thread's
        # short-lived loop, which ends exchanges, never takes the timer over from the server's.
        if timer is None or timer.when() > loop.time() + delay:
            if timer is not None:
                timer.cancel()
            self._timers[account_id] = loop.call_later(delay, self._expire, account_id)

    def _expire(self, account_id: str) -> None:
        """Drop what is due, though every socket may be gone."""
        with self._lock:
            self._timers.pop(account_id, None)
            desk = self._desks.get(account_id)
            if desk is not None:
                self._save(account_id, desk.aged(self._clock())[0])
