"""A desk as bytes, in two parts, since what was relayed must be able to expire on its own.

The record of an exchange holds its parties, state and digests; its outbox holds the frames.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from devices.protocol.device_hash import DeviceHash
from keyexchange.protocol.desk import Desk
from keyexchange.protocol.exchange import Exchange, Parcel
from keyexchange.protocol.frames import ExchangeId
from keyexchange.protocol.machine import State

Outbox = Mapping[DeviceHash, tuple[Parcel, ...]]


def pack_records(desk: Desk) -> bytes:
    """Every exchange without its outbox."""
    return orjson.dumps(
        [
            {
                "id": exchange.id,
                "new": exchange.new,
                "new_key": exchange.new_key,
                "requested_at": exchange.requested_at,
                "asked": exchange.asked,
                "peer": exchange.peer,
                "state": exchange.state.value,
                "written": exchange.written,
                "last": exchange.last,
                "held": bool(exchange.outbox),
            }
            for exchange in desk.exchanges.values()
        ]
    )


def unpack_records(packed: bytes) -> tuple[Desk, list[ExchangeId]]:
    """The desk with empty outboxes, and the exchanges that have one."""
    exchanges: dict[ExchangeId, Exchange] = {}
    held: list[ExchangeId] = []
    records: list[dict[str, Any]] = orjson.loads(packed)
    for record in records:
        if record.pop("held"):
            held.append(record["id"])
        record["asked"] = tuple(record["asked"])
        record["state"] = State(record["state"])
        exchanges[record["id"]] = Exchange(**record)
    return Desk(exchanges), held


def pack_outbox(outbox: Outbox) -> bytes:
    return orjson.dumps(
        {
            device: [(parcel.serial, parcel.text, parcel.seq, parcel.parting) for parcel in parcels]
            for device, parcels in outbox.items()
        }
    )


def unpack_outbox(packed: bytes) -> Outbox:
    boxes: dict[DeviceHash, list[tuple[int, str, int, bool]]] = orjson.loads(packed)
    return {device: tuple(Parcel(*parcel) for parcel in parcels) for device, parcels in boxes.items()}
