"""Many askers, few questions."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

LARGEST = 200


class Batches(Generic[Key, Value]):
    """Calls that come while an answer is under way are answered together by the next one.

    One who asks alone waits for nobody, or for `patience` seconds where a fuller batch is worth that.
    Under load the way to the database is gone once for many requests, so that it does not bound how
    many frames the sockets relay.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Value]]],
        *,
        patience: float = 0.0,
    ) -> None:
        self._answer = answer
        self._patience = patience
        self._waiting: dict[Key, asyncio.Future[Value | None]] = {}
        self._work: asyncio.Task[None] | None = None

    async def __call__(self, key: Key) -> Value | None:
        """The answer for `key`, None where there is none. Raises what the question raised."""
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
        # A task of its own: an asker that is cancelled takes nobody's answer along.
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._answer_all())
        return await asyncio.shield(future)

    async def _answer_all(self) -> None:
        while self._waiting:
            if self._patience:
                await asyncio.sleep(self._patience)
            keys = list(self._waiting)[:LARGEST]
            batch = {key: self._waiting.pop(key) for key in keys}
            try:
                answers = await self._answer(keys)
            except Exception as error:
                for future in batch.values():
                    future.set_exception(error)
            else:
                for key, future in batch.items():
                    future.set_result(answers.get(key))
            finally:
                for future in batch.values():
                    future.cancel()  # does nothing to one that has its answer
