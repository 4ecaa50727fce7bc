"""What the audit is told of exchanges: that one began, and how it ended. Nothing of what was relayed.

Written before it happens: a change of the desk is tried, and if an exchange would begin or end by it
that is written down, and only then is the change made. So a frame whose event cannot be written is
refused and nothing of it is relayed. The price is that the server may fail between the two, or another
device be faster: the audit then tells of a beginning that nobody saw, or of two ends. Two minutes end
every exchange, and one that began and of whose end nothing is written is written down as expired by
the housekeeping.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple

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


class Happening(NamedTuple):
    """An exchange begins, where `how` is None, or ends; `reason` is a cancel's."""

    exchange: str
    how: str | None = None
    reason: str | None = None


class _Untold(Exception):
    """What would happen by a change of which the audit does not know yet."""

    def __init__(self, happenings: frozenset[Happening]) -> None:
        super().__init__()
        self.happenings = happenings


def happenings(before: Desk, after: Desk, reason: str | None = None) -> frozenset[Happening]:
    """The beginnings and ends that make one desk the other; `reason` is that of the cancel, if it was one."""
    found = []
    for exchange in after.exchanges.values():
        known = before.exchanges.get(exchange.id)
        if known is exchange:
            continue
        if known is None and exchange.is_open:
            found.append(Happening(exchange.id))
        elif known is not None and known.is_open and exchange.state in HOW:
            found.append(Happening(exchange.id, HOW[exchange.state], reason))
    return frozenset(found)


def entry_of(happening: Happening, account_id: str, by: DeviceHash) -> Entry:
    """The row that tells of it; `by` is the device that it comes of."""
    details = {name: word for name, word in happening._asdict().items() if word is not None}
    event = Event.KEY_EXCHANGE_BEGUN if happening.how is None else Event.KEY_EXCHANGE_ENDED
    return entry(event, account=account_id, device=by, subject=happening.exchange, details=details)


def _write(entries: Sequence[Entry]) -> dict[Entry, None]:
    record_all(entries)
    return {}


# A write waits for the disk: of all handoffs that begin or end at once, few do it for all. Nobody
# notices the pause in a handoff of half a minute.
write = Batches(database_sync_to_async(_write), patience=0.005)


async def transact(
    store: ExchangeStore, account_id: str, change: Change, *, by: DeviceHash, reason: str | None = None
) -> Woken:
    """`store.transact`, once the audit knows what will begin or end by it.

    Raises AuditUnavailable or Sealed with nothing changed, and whatever `change` raises.
    """
    told: frozenset[Happening] = frozenset()

    tried: tuple[Desk, tuple[Desk, Woken]] | None = None

    def audited(desk: Desk) -> tuple[Desk, Woken]:
        nonlocal tried
        if tried is not None and tried[0] is desk:
            # What came of this very desk is known, and told.
            return tried[1]
        made = change(desk)
        if untold := happenings(desk, made[0], reason) - told:
            tried = desk, made
            raise _Untold(untold)
        return made

    while True:
        try:
            return await store.transact(account_id, audited)
        except _Untold as untold:
            news = untold.happenings
        for one in news:
            await write(entry_of(one, account_id, by))
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
