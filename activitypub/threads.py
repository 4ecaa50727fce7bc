"""What asks the database on behalf of a loop, in threads of its own.

Not in those of the sockets, nor in those of HTTP: a flood of activities takes no place from either.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import TypeVar, cast

from django.db import close_old_connections, connections

T = TypeVar("T")

# Reading alone, and rarely: what is asked often is remembered.
READERS = 2

_readers = ThreadPoolExecutor(READERS, thread_name_prefix="federation")
_kept = threading.local()


async def in_database(call: Callable[[], T], executor: ThreadPoolExecutor | None = None) -> T:
    """Call it in a thread that may use the database, and return or raise what it does."""
    return await asyncio.get_running_loop().run_in_executor(executor or _readers, _connected, call)


class OneThread:
    """A thread of one worker's own that asks the database: on SQLite one writes at a time as it is."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def __call__(self, call: Callable[[], T]) -> T:
        """Call it behind all that was asked before, and return or raise what it does."""
        return await in_database(call, self._executor)

    async def close(self) -> None:
        """End it, behind all that was asked."""
        await self(connections.close_all)
        self._executor.shutdown()


def _connected(call: Callable[[], T]) -> T:
    # A context that the thread keeps: what Django keeps by context, as its connections to a cache, is
    # found again by the next call.
    if not hasattr(_kept, "context"):
        _kept.context = Context()
    close_old_connections()
    try:
        return cast(T, _kept.context.run(call))
    finally:
        close_old_connections()
