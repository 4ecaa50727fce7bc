"""What is still to be delivered, and how it stands with the hosts that are to get it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q

from activitypub.models import Delivery, Host
from activitypub.protocol.retry import DAYS_TO_GIVE_UP, State
from activitypub.protocol.signatures.policy import Scheme


@dataclass(frozen=True)
class HostOverview:
    """One host. `waiting` deliveries in all, `due` of them now, the next at `next_at`; `error` is what the
    last attempt at one of them came to, if it failed. `breakers` are its inboxes that are left alone for the
    moment."""

    name: str
    waiting: int = 0
    due: int = 0
    next_at: datetime | None = None
    error: str = ""
    scheme: str = ""
    failed_days: Sequence[str] = ()
    breakers: int = 0
    paused: bool = False
    heard_at: datetime | None = None

    @property
    def is_left_alone(self) -> bool:
        return len(self.failed_days) >= DAYS_TO_GIVE_UP


@dataclass(frozen=True)
class Totals:
    """All hosts together."""

    waiting: int
    due: int
    hosts_waiting: int
    hosts_failing: int
    hosts_paused: int


def scheme_of(host: str) -> Scheme:
    """The signature scheme that this host took last, or what is tried first."""
    found = Host.objects.filter(name=host).values_list("scheme", flat=True).first()
    return Scheme(found) if found else Scheme.CAVAGE


def totals(now: datetime) -> Totals:
    """How much there is to do."""
    counted = Delivery.objects.aggregate(
        waiting=Count("pk"), due=Count("pk", filter=Q(due_at__lte=now)), hosts=Count("host", distinct=True)
    )
    rows = list(Host.objects.exclude(failed_days=[], paused=False).values_list("failed_days", "paused"))
    return Totals(
        waiting=counted["waiting"],
        due=counted["due"],
        hosts_waiting=counted["hosts"],
        hosts_failing=sum(bool(days) for days, _ in rows),
        hosts_paused=sum(paused for _, paused in rows),
    )


def overview(now: datetime, most: int = 50) -> list[HostOverview]:
    """The hosts that something waits for or that stand out, those with most waiting first."""
    waiting = Delivery.objects.values("host").annotate(count=Count("pk")).order_by("-count", "host")[:most]
    names = [row["host"] for row in waiting]
    marked = Host.objects.exclude(failed_days=[], paused=False).exclude(name__in=names)
    names += marked.order_by("name").values_list("name", flat=True)[: most - len(names)]
    return [of_host(name, now) for name in names]


def of_host(name: str, now: datetime) -> HostOverview:
    """One host, known or not."""
    own = Delivery.objects.filter(host=name)
    counted = own.aggregate(
        waiting=Count("pk"), due=Count("pk", filter=Q(due_at__lte=now)), next_at=Min("due_at")
    )
    failed = own.exclude(last_error="").order_by("-due_at").values_list("last_error", flat=True).first()
    host = Host.objects.filter(name=name).first() or Host(name=name)
    return HostOverview(
        name=name,
        waiting=counted["waiting"],
        due=counted["due"],
        next_at=counted["next_at"],
        error=failed or "",
        scheme=host.scheme,
        failed_days=host.failed_days,
        breakers=sum(kept["state"] != State.CLOSED for kept in host.breakers.values()),
        paused=host.paused,
        heard_at=host.heard_at,
    )
