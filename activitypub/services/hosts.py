"""What is remembered of hosts, written: that they answer or do not, and what an operator wants of them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from activitypub import bell
from activitypub.models import Delivery, Host
from activitypub.protocol.retry import Breaker, Standing, State
from activitypub.services.dropping import drop
from activitypub.turns import turn
from audit.events import Event
from audit.services import record

# They are read and written together. A host of more inboxes that fail is ill as a whole.
MOST_BREAKERS: Final = 64
# What is no address: before all inboxes beyond those there is one breaker.
_OTHER_INBOXES: Final = "other inboxes"


def heard(names: Collection[str], now: datetime) -> None:
    """These hosts have spoken: something of theirs was verified. One that was left alone is tried at once.

    `names` are `host[:port]`. One look-up where none of them had failed.
    """
    failed = [row.name for row in Host.objects.filter(name__in=names) if row.failed_days]
    if not failed:
        return
    with turn(), transaction.atomic():
        for host in rows(failed).values():
            # One whose inbox merely fails keeps breaker and waiting times, or it would be asked without end.
            if not standing_of(host).is_available:
                host.breakers = {}
                Delivery.objects.filter(host=host.name, claimed_until=None).update(due_at=now)
                transaction.on_commit(bell.ring)
            host.failed_days, host.heard_at = [], now
            host.save()


def rows(names: Collection[str]) -> dict[str, Host]:
    """The rows of these hosts, made where there are none, and locked for the caller's transaction."""
    Host.objects.bulk_create((Host(name=name) for name in sorted(names)), ignore_conflicts=True)
    locked = Host.objects.select_for_update().filter(name__in=names).order_by("name")
    return {host.name: host for host in locked}


def breaker_of(host: Host, inbox: str) -> Breaker:
    """The breaker before one of its inboxes."""
    kept = host.breakers.get(_guard(host, inbox))
    if kept is None:
        return Breaker()
    opened_at = kept.get("opened_at")
    return Breaker(
        State(kept["state"]), kept["failures"], datetime.fromisoformat(opened_at) if opened_at else None
    )


def keep_breaker(host: Host, inbox: str, breaker: Breaker) -> None:
    """Put it into the row, which the caller saves. One that has nothing to tell is not kept."""
    guard = _guard(host, inbox)
    if breaker == Breaker():
        host.breakers.pop(guard, None)
        return
    kept: dict[str, Any] = {"state": breaker.state.value, "failures": breaker.failures}
    if breaker.opened_at is not None:
        kept["opened_at"] = breaker.opened_at.isoformat()
    host.breakers[guard] = kept


def _guard(host: Host, inbox: str) -> str:
    """By which name its breaker is kept."""
    own = host.breakers.keys() - {_OTHER_INBOXES}
    return inbox if inbox in own or len(own) < MOST_BREAKERS else _OTHER_INBOXES


def standing_of(host: Host) -> Standing:
    """On which days it has failed since it was heard of."""
    return Standing(frozenset(datetime.fromisoformat(day).date() for day in host.failed_days))


def keep_standing(host: Host, standing: Standing) -> None:
    """Put it into the row, which the caller saves."""
    host.failed_days = sorted(day.isoformat() for day in standing.days)


# ---- an operator's ----------------------------------------------------------------------------


def retry(name: str, now: datetime) -> int:
    """Try all that a host is owed at once, whatever was thought of it; return how many that are."""
    with transaction.atomic():
        host = rows([name])[name]
        host.breakers, host.failed_days = {}, []
        host.save()
        due = Delivery.objects.filter(host=name, claimed_until=None).update(due_at=now)
        transaction.on_commit(bell.ring)
        _audit(name, "retried", due)
    return due


def pause(name: str) -> None:
    """Deliver nothing to a host until `resume`. What it is owed is kept, and grows no older."""
    _set_paused(name, True)


def resume(name: str) -> None:
    """Deliver to a host again."""
    _set_paused(name, False)


def clear(name: str) -> int:
    """Forget all that a host is owed and all that is known of it, but that it is paused; return how many
    deliveries went."""
    with transaction.atomic():
        host = rows([name])[name]
        host.breakers, host.failed_days, host.scheme = {}, [], ""
        host.save()
        dropped = drop(Delivery.objects.filter(host=name))
        _audit(name, "cleared", dropped)
    return dropped


def _set_paused(name: str, paused: bool) -> None:
    with transaction.atomic():
        host = rows([name])[name]
        host.paused = paused
        host.save()
        transaction.on_commit(bell.ring)
        _audit(name, "paused" if paused else "resumed")


def _audit(name: str, how: str, deliveries: int | None = None) -> None:
    counted = {} if deliveries is None else {"deliveries": deliveries}
    record(Event.DELIVERIES_CHANGED, subject=name, details={"how": how, **counted})
