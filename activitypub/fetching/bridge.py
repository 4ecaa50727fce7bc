"""From threads into one loop: for views, workers and commands, which are not asynchronous.

A session keeps its connections in one loop, so the process has one for it, in a thread of its own.
"""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """A loop in a thread, from when it is made until `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._open = True
        self._deciding = threading.Lock()
        # A daemon: the process ends whatever is under way here.
        self._thread = threading.Thread(target=self._loop.run_forever, name="fetching", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run it in the loop, wait for it, and return or raise what it does.

        After `timeout` seconds it is cancelled: TimeoutError. RuntimeError in the loop itself, which would
        wait for ever, and after `close`.
        """
        # Under the lock, so that whatever is handed over comes before the end and is cancelled by it.
        with self._deciding:
            if not self._open or threading.current_thread() is self._thread:
                coroutine.close()
                raise RuntimeError("called from the loop itself, or after its end")
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout)
        except concurrent.futures.CancelledError:
            raise RuntimeError("the loop has ended") from None
        finally:
            future.cancel()

    def close(self, timeout: float = 5.0) -> None:
        """Cancel what is under way, wait for that, and end loop and thread. Twice does no harm."""
        with self._deciding:
            if not self._open:
                return
            self._open = False
        ended = asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop)
        with contextlib.suppress(TimeoutError):
            ended.result(timeout)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout)
        if not self._thread.is_alive():
            self._loop.close()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
