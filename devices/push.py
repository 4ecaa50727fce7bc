"""Speaking to a device's sockets from anywhere: a view's thread, a command, another machine."""

import asyncio
import logging
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

log = logging.getLogger("devices.push")

_loop: asyncio.AbstractEventLoop | None = None


def device_group(device: str) -> str:
    """The Channels group of a device's sockets."""
    return f"device.{device}"


def bind(loop: asyncio.AbstractEventLoop) -> None:
    """Name the loop that this process's sockets live on; the server does so at its start."""
    global _loop
    _loop = loop


def _note_failure(future: "Future[None]") -> None:
    if not future.cancelled() and future.exception() is not None:
        log.error("a push did not reach the channel layer", exc_info=future.exception())


def push(device: str, message: dict[str, Any]) -> None:
    """Send a channel-layer message to every socket of the device; never raises.

    It hurries a socket and is no more than that: each consumer asks devices.state again on every
    frame, so a message that is lost delays what it tells and changes nothing else.
    """
    layer = get_channel_layer()
    sending: Coroutine[Any, Any, None] = layer.group_send(device_group(device), message)
    # The in-process layer's queues belong to the loop that serves the sockets: a message put
    # there from another thread's loop would not wake its reader.
    if _loop is not None and _loop.is_running():
        asyncio.run_coroutine_threadsafe(sending, _loop).add_done_callback(_note_failure)
        return
    try:
        async_to_sync(_await)(sending)
    except Exception:
        log.exception("a push did not reach the channel layer")


async def _await(sending: Coroutine[Any, Any, None]) -> None:
    await sending
