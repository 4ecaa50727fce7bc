"""What a device hash stands for right now, answered from a cache that no revocation outlives.

Each worker keeps what it read for 0.8 s, counted from before it asked the database, so a device
that another worker revoked is refused here within a second, whatever becomes of any message.
"""

import threading
import time
from dataclasses import dataclass
from typing import Literal, cast

from cachetools import LRUCache
from channels.db import database_sync_to_async

from devices.models import Device
from devices.principal import Kind
from devices.protocol.device_hash import DeviceHash

State = Literal["active", "pending", "ended", "unknown"]

KEPT_SECONDS = 0.8


@dataclass(frozen=True)
class Standing:
    """A device's state, its raw public key where it has one, and its kind."""

    state: State
    key: bytes | None
    kind: Kind


UNKNOWN = Standing(state="unknown", key=None, kind="device")

_lock = threading.Lock()
_kept: LRUCache[str, tuple[float, Standing]] = LRUCache(maxsize=100_000)


def standing(device: DeviceHash) -> Standing:
    """The device's standing; UNKNOWN for a hash that no row bears (a superseded one, say)."""
    began = time.monotonic()
    with _lock:
        kept = _kept.get(device)
    if kept is not None and began - kept[0] < KEPT_SECONDS:
        return kept[1]
    row = Device.objects.filter(hash=device).values_list("state", "key", "kind").first()
    found = (
        UNKNOWN
        if row is None
        else Standing(
            state=cast(State, row[0]),
            key=None if row[1] is None else bytes(row[1]),
            kind=cast(Kind, row[2]),
        )
    )
    with _lock:
        _kept[device] = (began, found)
    return found


def forget(device: str) -> None:
    """Drop what this worker keeps of a device whose row has just changed."""
    with _lock:
        _kept.pop(device, None)


def forget_all() -> None:
    """Drop everything (tests)."""
    with _lock:
        _kept.clear()


def current_sync(device: DeviceHash) -> State:
    """The state alone."""
    return standing(device).state


async def current(device: DeviceHash) -> State:
    """The state alone, for sockets; reaches for the database only when nothing fresh is kept."""
    with _lock:
        kept = _kept.get(device)
    if kept is not None and time.monotonic() - kept[0] < KEPT_SECONDS:
        return kept[1].state
    return cast(State, await database_sync_to_async(current_sync)(device))
