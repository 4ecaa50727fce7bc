"""What asks the database on behalf of a loop, in threads of its own.

Not in those of the sockets, nor in those of HTTP: a flood of activities takes no place from either.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import TypeVar, cast

from django.db import close_old_connections

T = TypeVar("T")

# Reading alone, and rarely: what is asked often is remembered.
READERS = 2

_readers = ThreadPoolExecutor(READERS, thread_name_prefix="federation")
_kept = threading.local()


async def in_database(call: Callable[[], T], executor: ThreadPoolExecutor | None = None) -> T:
    """Call it in a thread that may use the database, and return or raise what it does."""
    return await asyncio.get_running_loop().run_in_executor(executor or _readers, _connected, call)


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
