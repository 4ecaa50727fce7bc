"""What a socket says and does while the server fails, or what it stands on does not answer."""

import asyncio
import logging
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from audit.errors import StorageUnavailable
from devices import presence, state
from keyexchange import bells, consumers
from keyexchange.store.memory import MemoryExchangeStore
from tests.keyexchange.builders import LAPTOP, NEW, STORY, X
from tests.keyexchange.conftest import PATIENCE, House
from vault.errors import Sealed

UNREACHABLE = [OperationalError, InterfaceError, RedisConnectionError, RedisTimeoutError, TimeoutError]
unreachable = pytest.mark.parametrize("error", UNREACHABLE, ids=lambda error: error.__qualname__)


class Failing:
    """Stands for an asynchronous function and fails until it is `mended`; `called` tells of a call."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error
        self.mended = False
        self.calls: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

    async def __call__(self, *args: Any) -> Any:
        await self.calls.put(args)
        if not self.mended:
            raise self.error("with the text of a query")

    async def called(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.calls.get()


# At the upgrade


@unreachable
async def test_an_upgrade_while_database_or_cache_do_not_answer_is_accepted_and_closed_with_the_code(
    house: House, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    monkeypatch.setattr(consumers, "authenticate", Failing(error))
    socket = await house.socket(LAPTOP)
    assert await socket.closed() == (1013, "storage_unavailable")


async def test_an_upgrade_while_the_vault_is_sealed_is_accepted_and_closed_with_the_code(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "authenticate", Failing(Sealed))
    socket = await house.socket(LAPTOP)
    assert await socket.closed() == (1013, "sealed")


async def test_an_upgrade_that_fails_unexpectedly_is_accepted_and_closed_with_1011(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(consumers, "authenticate", Failing(RuntimeError))
    socket = await house.socket(LAPTOP)
    assert await socket.closed() == (1011, "")
    assert "with the text of a query" not in caplog.text


@unreachable
async def test_a_socket_that_cannot_be_counted_in_is_closed_with_the_code(
    house: House, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    monkeypatch.setattr(presence, "arrive", Failing(error))
    socket = await house.socket(LAPTOP)
    assert await socket.closed() == (1013, "storage_unavailable")


# While the socket is open


@unreachable
async def test_a_frame_while_the_database_does_not_answer_is_refused_and_the_socket_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    new = await house.connect(NEW)
    with monkeypatch.context() as broken:
        broken.setattr(state, "current", Failing(error))
        await new.say(NEW.text("request", X))
        assert await new.error() == "storage_unavailable"
    assert await new.silent()


@unreachable
async def test_a_presence_that_cannot_be_told_closes_nothing_and_is_told_later(
    house: House, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    stay = Failing(error)
    monkeypatch.setattr(presence, "stay", stay)
    monkeypatch.setattr(presence, "PRESENT_SECONDS", 0.02)
    monkeypatch.setattr(consumers, "FIRST_LOOK_SECONDS", 0.01)
    laptop = await house.connect(LAPTOP)
    for _ in range(3):
        await stay.called()
    assert await laptop.silent()


@unreachable
async def test_a_socket_ends_though_its_leaving_cannot_be_told(
    house: House, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    monkeypatch.setattr(presence, "leave", Failing(error))
    laptop = await house.connect(LAPTOP)
    await house.leave(laptop)
    assert laptop.served.done()


async def test_a_frame_that_was_recorded_but_not_told_is_told_when_it_comes_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, laptop = await house.connect(NEW), await house.connect(LAPTOP)
    assert await laptop.silent()
    with monkeypatch.context() as broken:
        broken.setattr(bells, "ring", FailingRing())
        await new.say(NEW.text("request", X))
        assert await new.error() == "storage_unavailable"
    await new.say(NEW.text("request", X))
    assert (await laptop.frame())["type"] == "offer"


class FailingRing:
    async def __call__(self, devices: Any, *, everywhere: bool) -> None:
        raise RedisConnectionError


class Broken(MemoryExchangeStore):
    """A store that fails and quotes what it was given."""

    async def transact(self, account_id: str, change: Any) -> Any:
        raise RuntimeError(f"could not save {NEW.text('request', X)}")


async def test_an_unexpected_failure_closes_with_1011_and_the_log_shows_nothing_of_the_frame(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    new = await house.connect(NEW, application=house.worker(Broken()))
    with caplog.at_level(logging.DEBUG):
        await new.say(NEW.text("request", X))
        assert await new.closed() == (1011, "")
    said = [record for record in caplog.records if record.name == "keyexchange"]
    assert [record.getMessage().split(" at ")[0] for record in said] == ["a socket failed: RuntimeError"]
    assert X not in caplog.text
    assert "commitment" not in caplog.text


class OutOfReach(MemoryExchangeStore):
    async def transact(self, account_id: str, change: Any) -> Any:
        raise StorageUnavailable


async def test_a_store_that_is_out_of_reach_is_told_and_the_socket_goes_on(house: House) -> None:
    new = await house.connect(NEW, application=house.worker(OutOfReach()))
    await new.say(NEW.text("request", X))
    assert await new.error() == "storage_unavailable"
    assert await new.silent()


async def test_no_frame_of_a_whole_story_reaches_the_log(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    new, laptop = await house.connect(NEW), await house.connect(LAPTOP)
    with caplog.at_level(logging.DEBUG):
        for actor, kind in STORY:
            await (new if actor is NEW else laptop).say(actor.text(kind, X))
            await (laptop if actor is NEW else new).frame()
    assert "sealed" not in caplog.text
    assert X not in caplog.text
