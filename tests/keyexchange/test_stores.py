"""What both stores promise, and what each promises alone."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from audit.errors import StorageUnavailable
from keyexchange.protocol.desk import Asking, Desk
from keyexchange.protocol.exchange import HELD_SECONDS, REMEMBERED_SECONDS, Woken
from keyexchange.protocol.machine import State
from keyexchange.protocol.refusals import OutOfOrder
from keyexchange.store import memory
from keyexchange.store.base import Change, ExchangeStore
from keyexchange.store.memory import MemoryExchangeStore
from keyexchange.store.redis import ATTEMPTS, RedisExchangeStore
from tests.components import redis_url_of_this_process
from tests.keyexchange.builders import LAPTOP, NEW, STORY, TABLET, Actor, X, exchange_id
from tests.keyexchange.conftest import Clock
from vault.errors import CannotOpen

ALICE = "00000000-0000-4000-8000-00000000000a"
BOB = "00000000-0000-4000-8000-00000000000b"


def step(actor: Actor, kind: str, now: float, exchange: Any = X) -> Change:
    """One frame as a change of the desk."""
    frame = actor.frame(kind, exchange)
    if kind == "request":
        asking = Asking(name="Phone", platform="", active=(LAPTOP.hash, TABLET.hash))
        return lambda desk: desk.request(frame, actor.sender, asking, now)
    return lambda desk: desk.take(frame, actor.sender, now)


async def play(store: ExchangeStore, steps: int, now: float, exchange: Any = X) -> None:
    for actor, kind in STORY[:steps]:
        await store.transact(ALICE, step(actor, kind, now, exchange))


@contextlib.asynccontextmanager
async def redis_store() -> AsyncIterator[RedisExchangeStore]:
    store = RedisExchangeStore(redis_url_of_this_process())
    async with Redis.from_url(redis_url_of_this_process()) as client:
        await client.flushdb()
    yield store
    await store.close()


@contextlib.asynccontextmanager
async def memory_store() -> AsyncIterator[MemoryExchangeStore]:
    yield MemoryExchangeStore()


@pytest.fixture(
    params=[memory_store, pytest.param(redis_store, marks=pytest.mark.needs("redis"))],
    ids=["memory", "redis"],
)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[ExchangeStore]:
    async with request.param() as made:
        yield made


# Both


async def test_a_change_that_is_refused_saves_nothing(store: ExchangeStore) -> None:
    now = time.time()
    await play(store, 2, now)
    before = await store.read(ALICE)
    with pytest.raises(OutOfOrder):
        await store.transact(ALICE, step(TABLET, "accept", now))
    assert await store.read(ALICE) == before


async def test_a_desk_that_nobody_wrote_is_empty(store: ExchangeStore) -> None:
    assert await store.read(ALICE) == Desk()


@pytest.mark.parametrize("steps", range(1, 7))
async def test_what_was_saved_is_read_again(store: ExchangeStore, steps: int) -> None:
    now = time.time()
    expected = Desk()
    for actor, kind in STORY[:steps]:
        expected, _ = step(actor, kind, now)(expected)
    await play(store, steps, now)
    assert await store.read(ALICE) == expected


async def test_accounts_do_not_meet(store: ExchangeStore) -> None:
    await play(store, 3, time.time())
    assert await store.read(BOB) == Desk()


async def test_a_transaction_tells_whom_there_is_news_for(store: ExchangeStore) -> None:
    woken = await store.transact(ALICE, step(NEW, "request", time.time()))
    assert woken == {LAPTOP.hash, TABLET.hash}


async def test_of_many_changes_at_once_none_is_lost(store: ExchangeStore) -> None:
    now = time.time()
    watches = [Actor(f"watch {count}", active=False) for count in range(10)]
    await asyncio.gather(
        *(store.transact(ALICE, step(watch, "request", now, exchange_id(watch.name))) for watch in watches)
    )
    assert len((await store.read(ALICE)).exchanges) == 10


async def test_one_store_serves_several_loops(store: ExchangeStore) -> None:
    now = time.time()
    await play(store, 1, now)

    async def elsewhere() -> Woken:
        try:
            return await store.transact(ALICE, lambda desk: desk.without(NEW.hash, now))
        finally:
            await store.close()

    woken = await asyncio.to_thread(lambda: asyncio.run(elsewhere()))
    assert woken == {LAPTOP.hash, TABLET.hash}
    assert (await store.read(ALICE)).exchanges[X].state is State.WITHDRAWN


# In memory


async def test_memory_drops_everything_by_itself_in_time(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    store = MemoryExchangeStore(clock)
    due: list[Callable[[], object]] = []
    loop = asyncio.get_running_loop()

    def remember(delay: float, call: Any, *args: Any) -> asyncio.TimerHandle:
        due.append(lambda: call(*args))
        assert delay <= REMEMBERED_SECONDS
        return asyncio.TimerHandle(loop.time() + delay, call, args, loop)

    monkeypatch.setattr(loop, "call_later", remember)
    await play(store, 4, clock())
    assert len(due) == 1
    clock.now += HELD_SECONDS
    due.pop()()
    held = (await store.read(ALICE)).exchanges[X]
    assert held.state is State.EXPIRED
    assert "sealed" not in str([parcel.text for box in held.outbox.values() for parcel in box])
    for passed in (HELD_SECONDS, REMEMBERED_SECONDS):
        clock.now += passed
        due.pop()()
    assert await store.read(ALICE) == Desk()
    assert due == []


async def test_a_nearer_end_moves_the_timer_forward(clock: Clock) -> None:
    store = MemoryExchangeStore(clock)
    await play(store, 6, clock())
    clock.now += HELD_SECONDS
    store._expire(ALICE)
    far = store._timers[ALICE].when()
    await store.transact(ALICE, step(NEW, "request", clock(), exchange_id("y")))
    assert store._timers[ALICE].when() < far


def test_memory_is_not_shared_and_says_so() -> None:
    assert memory.MemoryExchangeStore.shared is False


# In Redis

REDIS = pytest.mark.needs("redis")


async def _everything(client: Redis) -> dict[Any, bytes]:
    keys = await client.keys("*")
    return {key: await cast(Awaitable[bytes], client.get(key)) for key in keys}


@REDIS
@pytest.mark.parametrize("steps", range(1, 7))
async def test_redis_sees_no_frame_in_clear(steps: int) -> None:
    async with redis_store() as store, Redis.from_url(redis_url_of_this_process()) as client:
        await play(store, steps, time.time())
        raw = b"".join((await _everything(client)).values())
        assert raw
        for word in (b"sealed", b"nonce", b"ephemeral", b"relay", b"Phone", NEW.hash.encode(), b"AAAAAAAA"):
            assert word not in raw


@REDIS
@pytest.mark.parametrize("steps", range(1, 6))
async def test_redis_itself_drops_what_was_relayed_at_the_two_minutes(steps: int) -> None:
    async with redis_store() as store, Redis.from_url(redis_url_of_this_process()) as client:
        now = time.time()
        await play(store, steps, now)
        expiry = await client.pexpiretime(f"hvx:exchange:{ALICE}:{X}")
        assert expiry == int((now + HELD_SECONDS) * 1000)
        assert await client.pexpiretime(f"hvx:exchange:{ALICE}") == int((now + REMEMBERED_SECONDS) * 1000)


@REDIS
async def test_two_exchanges_of_an_account_run_out_each_in_its_own_time() -> None:
    async with redis_store() as store, Redis.from_url(redis_url_of_this_process()) as client:
        now = time.time()
        await store.transact(ALICE, step(NEW, "request", now))
        watch = Actor("watch", active=False)
        await store.transact(ALICE, step(watch, "request", now + 60, exchange_id("y")))
        first = await client.pexpiretime(f"hvx:exchange:{ALICE}:{X}")
        second = await client.pexpiretime(f"hvx:exchange:{ALICE}:{exchange_id('y')}")
        assert second - first == pytest.approx(60_000, abs=1)


@REDIS
async def test_an_exchange_whose_outbox_redis_has_dropped_still_ends_as_expired() -> None:
    async with redis_store() as store, Redis.from_url(redis_url_of_this_process()) as client:
        now = time.time()
        await play(store, 3, now)
        await client.delete(f"hvx:exchange:{ALICE}:{X}")
        assert (await store.read(ALICE)).unsent(LAPTOP.hash, {}) == []
        woken = await store.transact(ALICE, lambda desk: desk.aged(now + HELD_SECONDS))
        assert woken == {NEW.hash, LAPTOP.hash}


@REDIS
async def test_a_sealed_desk_that_was_moved_to_another_account_does_not_open() -> None:
    async with redis_store() as store, Redis.from_url(redis_url_of_this_process()) as client:
        await play(store, 1, time.time())
        await client.rename(f"hvx:exchange:{ALICE}", f"hvx:exchange:{BOB}")
        with pytest.raises(CannotOpen):
            await store.read(BOB)


@REDIS
async def test_two_workers_that_accept_at_once_agree_on_one_winner() -> None:
    async with redis_store() as one, redis_store() as two:
        wins = {LAPTOP: 0, TABLET: 0}
        for count in range(200):
            now, exchange = time.time(), exchange_id(f"round {count}")
            watch = Actor(f"watch {count}", active=False)
            account = f"{ALICE}{count}"
            await one.transact(account, step(watch, "request", now, exchange))
            workers = [(one, LAPTOP), (two, TABLET)]
            results = await asyncio.gather(
                *(
                    worker.transact(account, step(actor, "accept", now, exchange))
                    for worker, actor in (workers if count % 2 else reversed(workers))
                ),
                return_exceptions=True,
            )
            refused = [result for result in results if isinstance(result, OutOfOrder)]
            assert len(refused) == 1, results
            desk = await two.read(account)
            winner = LAPTOP if desk.exchanges[exchange].peer == LAPTOP.hash else TABLET
            loser = TABLET if winner is LAPTOP else LAPTOP
            wins[winner] += 1
            assert len(desk.unsent(watch.hash, {})) == 1
            ((_, told),) = desk.unsent(loser.hash, {})
            assert '"withdrawn"' in told.text
        assert sum(wins.values()) == 200


@REDIS
async def test_a_change_that_others_always_overtake_is_given_up_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("keyexchange.store.redis.LONGEST_PAUSE_SECONDS", 0.0)
    tries = 0
    async with redis_store() as store:
        now = time.time()
        await store.transact(ALICE, step(Actor("watch", active=False), "request", now, exchange_id("y")))

        def overtaken(desk: Desk) -> tuple[Desk, Woken]:
            nonlocal tries
            tries += 1
            # Another connection writes between our reading and our writing, every time.
            with SyncRedis.from_url(redis_url_of_this_process()) as other:
                other.append(f"hvx:exchange:{ALICE}", b"")
            return step(NEW, "request", now)(desk)

        with pytest.raises(StorageUnavailable):
            await store.transact(ALICE, overtaken)
        assert X not in (await store.read(ALICE)).exchanges
    assert 1 < tries <= ATTEMPTS


async def test_a_redis_that_does_not_answer_is_said_so_without_quoting_anything() -> None:
    store = RedisExchangeStore("redis://127.0.0.1:1/0")
    with pytest.raises(StorageUnavailable) as caught:
        await store.transact(ALICE, step(NEW, "request", time.time()))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    await store.close()
