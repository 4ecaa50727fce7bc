"""What the database is asked at a request. At the other frames devices.state alone may ask it, of the
sender's state."""

from collections import defaultdict
from collections.abc import Collection

from channels.db import database_sync_to_async
from django.db.models import Q

from devices.batches import Batches
from devices.models import Device, DeviceKind, DeviceState
from devices.protocol.device_hash import DeviceHash
from keyexchange.protocol.desk import Asking

Asker = tuple[str, DeviceHash]
"""An account id and the new device of that account that makes a request."""


def askings(askers: Collection[Asker]) -> dict[Asker, Asking]:
    """For each asker how it is named and which devices of its account it may ask, oldest first.

    An asker whose device the account has not, or has no more, or has ended is left out.
    """
    rows = (
        Device.objects.filter(
            Q(state=DeviceState.ACTIVE)
            | Q(state=DeviceState.PENDING, hash__in=[device for _, device in askers]),
            account_id__in=[account_id for account_id, _ in askers],
            kind=DeviceKind.DEVICE,
        )
        .order_by("created_at")
        .values_list("account_id", "hash", "name", "platform", "state")
    )
    active: dict[str, list[DeviceHash]] = defaultdict(list)
    named: dict[Asker, tuple[str, str]] = {}
    for account_id, hash, name, platform, state in rows:
        named[str(account_id), DeviceHash(hash)] = name, platform
        if state == DeviceState.ACTIVE:
            active[str(account_id)].append(DeviceHash(hash))
    return {
        asker: Asking(*named[asker], active=tuple(active[asker[0]])) for asker in askers if asker in named
    }


asking = Batches(database_sync_to_async(askings))
"""`await asking((account_id, device))`: the Asking, or None. Those who ask at once share a query."""
