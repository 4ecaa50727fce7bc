"""Waking the sockets of a device. A wake-up carries nothing: the socket reads the desk itself.

So no payload passes the channel layer, and a wake-up too many does no harm.
"""

import asyncio
from collections.abc import Iterable

from channels.layers import get_channel_layer

from devices.protocol.device_hash import DeviceHash
from devices.push import device_group, push

WAKE = {"type": "exchange.wake"}

_hung: dict[DeviceHash, set[asyncio.Event]] = {}


def hang(device: DeviceHash, bell: asyncio.Event) -> None:
    """Let `bell` be rung in this process whenever there is something new for `device`."""
    _hung.setdefault(device, set()).add(bell)


def take_down(device: DeviceHash, bell: asyncio.Event) -> None:
    """Undo `hang`; twice does no harm."""
    bells = _hung.get(device, set())
    bells.discard(bell)
    if not bells:
        _hung.pop(device, None)


async def ring(devices: Iterable[DeviceHash], *, everywhere: bool) -> None:
    """Wake the devices' sockets here, and with `everywhere` those of the other processes too.

    Only on the loop that the sockets live on; from a thread, `ring_from_thread`.
    """
    for device in devices:
        for bell in _hung.get(device, ()):
            bell.set()
        if everywhere:
            await get_channel_layer().group_send(device_group(device), WAKE)


def ring_from_thread(devices: Iterable[DeviceHash]) -> None:
    """Wake the devices' sockets in every process."""
    for device in devices:
        push(device, WAKE)
