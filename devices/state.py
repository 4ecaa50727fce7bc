"""What a device hash stands for right now, answered from a cache that no revocation outlives.

Each worker keeps what it read for 0.8 s, counted from before it asked the database, so a device
that another worker revoked is refused here within a second, whatever becomes of any message.
"""

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, cast

from cachetools import LRUCache
from channels.db import database_sync_to_async

from devices.batches import Batches
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


def _fresh(device: DeviceHash) -> Standing | None:
    with _lock:
        kept = _kept.get(device)
    return kept[1] if kept is not None and time.monotonic() - kept[0] < KEPT_SECONDS else None


def _read(devices: Collection[DeviceHash]) -> dict[DeviceHash, Standing]:
    """Ask the database for all of them at once, and keep what it says."""
    began = time.monotonic()
    found = dict.fromkeys(devices, UNKNOWN)
    for hash, state, key, kind in Device.objects.filter(hash__in=list(devices)).values_list(
        "hash", "state", "key", "kind"
    ):
        found[DeviceHash(hash)] = Standing(
            state=cast(State, state),
            key=None if key is None else bytes(key),
            kind=cast(Kind, kind),
        )
    with _lock:
        for device in devices:
            _kept[device] = (began, found[device])
    return found


def standing(device: DeviceHash) -> Standing:
    """The device's standing; UNKNOWN for a hash that no row bears (a superseded one, say)."""
    return _fresh(device) or _read([device])[device]


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


_together = Batches(database_sync_to_async(_read))


async def current(device: DeviceHash) -> State:
    """The state alone, for sockets; reaches for the database only when nothing fresh is kept.

    Sockets that ask at once share a query.
    """
    return (_fresh(device) or await _together(device) or UNKNOWN).state
