"""Many askers, few questions."""

import asyncio
from collections.abc import Sequence

import pytest

from devices.batches import LARGEST, Batches


class Oracle:
    """Answers with the key's double, when it is let."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.called = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.failure: Exception | None = None

    async def __call__(self, keys: Sequence[int]) -> dict[int, int]:
        self.asked.append(list(keys))
        self.called.set()
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return {key: 2 * key for key in keys if key >= 0}


async def test_one_who_asks_alone_is_answered_at_once() -> None:
    oracle = Oracle()
    assert await Batches(oracle)(21) == 42
    assert oracle.asked == [[21]]


async def test_those_who_come_while_an_answer_is_under_way_share_the_next() -> None:
    oracle = Oracle()
    ask = Batches(oracle)
    oracle.open.clear()
    first = asyncio.create_task(ask(1))
    await oracle.called.wait()
    others = [asyncio.create_task(ask(key)) for key in (2, 3, 3, 4)]
    await asyncio.sleep(0)
    oracle.open.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6, 6, 8]
    assert oracle.asked == [[1], [2, 3, 4]]


async def test_an_answer_that_was_under_way_is_not_given_to_one_who_asked_later() -> None:
    oracle = Oracle()
    ask = Batches(oracle)
    oracle.open.clear()
    first = asyncio.create_task(ask(1))
    await oracle.called.wait()
    again = asyncio.create_task(ask(1))
    await asyncio.sleep(0)
    oracle.open.set()
    await asyncio.gather(first, again)
    assert oracle.asked == [[1], [1]]


async def test_no_question_is_larger_than_the_largest() -> None:
    oracle = Oracle()
    ask = Batches(oracle)
    await asyncio.gather(*(ask(key) for key in range(2 * LARGEST + 1)))
    assert [len(keys) for keys in oracle.asked] == [LARGEST, LARGEST, 1]


async def test_a_key_without_an_answer_gets_none() -> None:
    assert await Batches(Oracle())(-1) is None


async def test_a_failure_reaches_everyone_who_asked_and_the_next_question_is_asked_anew() -> None:
    oracle = Oracle()
    oracle.failure = ValueError("no")
    ask = Batches(oracle)
    results = await asyncio.gather(ask(1), ask(2), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError, ValueError]
    oracle.failure = None
    assert await ask(1) == 2


async def test_an_asker_that_is_cancelled_takes_nobodys_answer_along() -> None:
    oracle = Oracle()
    ask = Batches(oracle)
    oracle.open.clear()
    first, second = asyncio.create_task(ask(1)), asyncio.create_task(ask(1))
    await oracle.called.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    oracle.open.set()
    assert await second == 2
