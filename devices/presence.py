"""Which devices have a socket open, and which of a device's sockets is the newest.

A serial that only grows orders a device's sockets, so that two which connect at once on two
workers agree on the one that stays.
"""

from collections.abc import Collection

from asgiref.sync import sync_to_async
from django.core.cache import cache

from devices.protocol.device_hash import DeviceHash

# A socket says every half of this that it is still there.
PRESENT_SECONDS = 60
SERIAL_SECONDS = 3600


def _serial_key(device: str) -> str:
    return f"socket:serial:{device}"


def _present_key(device: str) -> str:
    return f"socket:present:{device}"


def _arrive(device: DeviceHash) -> int:
    cache.add(_serial_key(device), 0, timeout=SERIAL_SECONDS)
    serial = cache.incr(_serial_key(device))
    cache.touch(_serial_key(device), SERIAL_SECONDS)
    cache.set(_present_key(device), serial, timeout=PRESENT_SECONDS)
    return serial


def _stay(device: DeviceHash, serial: int) -> None:
    cache.touch(_serial_key(device), SERIAL_SECONDS)
    cache.set(_present_key(device), serial, timeout=PRESENT_SECONDS)


def _leave(device: DeviceHash, serial: int) -> None:
    # A newer socket's presence is not taken away by an older one that closes after it.
    if cache.get(_present_key(device)) == serial:
        cache.delete(_present_key(device))


async def arrive(device: DeviceHash) -> int:
    """Count a new socket in; its serial is higher than that of every other of the device's."""
    return await sync_to_async(_arrive)(device)


async def stay(device: DeviceHash, serial: int) -> None:
    """Say again that the socket is open; due every PRESENT_SECONDS / 2."""
    await sync_to_async(_stay)(device, serial)


async def leave(device: DeviceHash, serial: int) -> None:
    """Count the socket out."""
    await sync_to_async(_leave)(device, serial)


def online(devices: Collection[DeviceHash]) -> set[DeviceHash]:
    """Those of the devices that have a socket open on any worker."""
    present = cache.get_many([_present_key(device) for device in devices])
    return {device for device in devices if _present_key(device) in present}
