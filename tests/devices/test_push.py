"""Speaking to a device's sockets from anywhere: it hurries them, and its failure fails nobody."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from channels.layers import get_channel_layer

from devices import push

MESSAGE = {"type": "device.ended"}


@pytest.fixture(autouse=True)
def unbound() -> Iterator[None]:
    """No loop is bound, and none stays bound."""
    push._loop = None
    yield
    push._loop = None


async def received(layer: Any, channel: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        message: dict[str, Any] = await layer.receive(channel)
    return message


async def test_a_thread_reaches_a_socket_of_the_servers_loop() -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(push.device_group("d" * 43), channel)
    push.bind(asyncio.get_running_loop())
    thread = threading.Thread(target=push.push, args=("d" * 43, MESSAGE))
    thread.start()
    assert await received(layer, channel) == MESSAGE
    thread.join()


async def test_a_command_without_a_loop_reaches_the_layer_too() -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(push.device_group("d" * 43), channel)
    await asyncio.to_thread(push.push, "d" * 43, MESSAGE)
    assert await received(layer, channel) == MESSAGE


class Broken:
    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        raise ConnectionError("the layer is gone")


class Listener(logging.Handler):
    """Puts every record's message where a coroutine can wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self.messages: asyncio.Queue[str] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.loop.call_soon_threadsafe(self.messages.put_nowait, record.getMessage())


@pytest.mark.parametrize("bound", [False, True])
async def test_a_layer_that_is_gone_fails_nobody_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, bound: bool
) -> None:
    monkeypatch.setattr(push, "get_channel_layer", Broken)
    listener = Listener()
    push.log.addHandler(listener)
    try:
        if bound:
            push.bind(asyncio.get_running_loop())
        await asyncio.to_thread(push.push, "d" * 43, MESSAGE)
        message = await asyncio.wait_for(listener.messages.get(), 5)
    finally:
        push.log.removeHandler(listener)
    assert message == "a push did not reach the channel layer"


def test_each_device_has_a_group_of_its_own() -> None:
    assert push.device_group("a" * 43) != push.device_group("b" * 43)
    # Channels takes letters, digits, hyphens, underscores and periods, up to a hundred.
    assert len(push.device_group("a" * 43)) < 100
