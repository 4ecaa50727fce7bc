"""What is under way in one loop, ended together."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Tasks:
    """Tasks that nobody waits for one by one. `failed` hears what any of them raised."""

    def __init__(self, failed: Callable[[BaseException], object] | None = None) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed = failed

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def one(self, seconds: float | None = None) -> None:
        """Return once one of them has ended, or after so long; at once where there is none."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def all(self, seconds: float) -> None:
        """Return once all that are under way now have ended, or after so long."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)

    async def cancel(self) -> None:
        """End them all."""
        for task in (left := set(self._tasks)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._failed is not None and not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)
