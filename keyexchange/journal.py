"""What the audit is told of exchanges: that one began, and how it ended. Nothing of what was relayed.

Written before it happens: a change of the desk is tried, and if an exchange would begin or end by it
that is written down, and only then is the change made. So a frame whose event cannot be written is
refused and nothing of it is relayed. The price is that the server may fail between the two, and the
audit then tells of a beginning or an end that nobody saw. Two minutes end every exchange, though, and
one that began and of whose end nothing is written is written down as expired by the housekeeping.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from channels.db import database_sync_to_async
from django.utils import timezone

from audit.events import Event
from audit.queries import without_sequel
from audit.services import Entry, entry, follow, record_all
from devices.batches import Batches
from devices.protocol.device_hash import DeviceHash
from keyexchange.protocol.desk import Desk
from keyexchange.protocol.exchange import HELD_SECONDS, Woken
from keyexchange.protocol.machine import State
from keyexchange.store.base import Change, ExchangeStore

# How an exchange ended by what somebody did. That its time ran out is nobody's doing: see `sweep`.
HOW: Final = {State.COMPLETED: "delivered", State.CANCELLED: "cancelled", State.WITHDRAWN: "withdrawn"}
LOOKED_BACK: Final = timedelta(days=1)
LEEWAY: Final = timedelta(seconds=60)


class _Untold(Exception):
    """What would happen by a change of which the audit does not know yet."""

    def __init__(self, entries: frozenset[Entry]) -> None:
        super().__init__()
        self.entries = entries


def happenings(
    before: Desk, after: Desk, account_id: str, by: DeviceHash, reason: str | None = None
) -> frozenset[Entry]:
    """The beginnings and ends that make one desk the other, by this device; `reason` is a cancel's."""
    found = set()
    for exchange in after.exchanges.values():
        known = before.exchanges.get(exchange.id)
        if known is None and exchange.is_open:
            found.add(_entry(Event.KEY_EXCHANGE_BEGUN, account_id, by, exchange.id))
        elif known is not None and known.is_open and exchange.state in HOW:
            how = {"how": HOW[exchange.state], **({"reason": reason} if reason else {})}
            found.add(_entry(Event.KEY_EXCHANGE_ENDED, account_id, by, exchange.id, **how))
    return frozenset(found)


def _entry(event: Event, account_id: str, by: DeviceHash, exchange: str, **how: str) -> Entry:
    details = {"exchange": exchange, **how}
    once = event is Event.KEY_EXCHANGE_ENDED
    return entry(event, account=account_id, device=by, subject=exchange, details=details, once=once)


def _write(entries: Sequence[Entry]) -> dict[Entry, None]:
    record_all(entries)
    return {}


# A write waits for the disk: of all handoffs that begin or end at once, few do it for all.
write = Batches(database_sync_to_async(_write))


async def transact(
    store: ExchangeStore, account_id: str, change: Change, *, by: DeviceHash, reason: str | None = None
) -> Woken:
    """`store.transact`, once the audit knows what will begin or end by it.

    Raises AuditUnavailable or Sealed with nothing changed, and whatever `change` raises.
    """
    told: frozenset[Entry] = frozenset()

    def audited(desk: Desk) -> tuple[Desk, Woken]:
        changed, woken = change(desk)
        untold = happenings(desk, changed, account_id, by, reason) - told
        if untold:
            raise _Untold(untold)
        return changed, woken

    while True:
        try:
            return await store.transact(account_id, audited)
        except _Untold as untold:
            news = untold.entries
        for one in news:
            await write(one)
        told |= news


def sweep() -> int:
    """Write down as expired what began and of whose end nothing is known; answers how many."""
    now = timezone.now()
    begun = without_sequel(
        Event.KEY_EXCHANGE_BEGUN,
        Event.KEY_EXCHANGE_ENDED,
        since=now - LOOKED_BACK,
        until=now - timedelta(seconds=HELD_SECONDS) - LEEWAY,
    )
    for row in begun:
        details = {"exchange": json.loads(row.details)["exchange"], "how": "expired"}
        record_all([follow(row, Event.KEY_EXCHANGE_ENDED, details)])
    return len(begun)
