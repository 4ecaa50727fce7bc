"""Deliveries that are due, taken by one worker so that no other takes them."""

import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from django.db import transaction
from django.db.models import Q

from activitypub.delivery.jobs import Fault, Job, Outgoing, SigningKey
from activitypub.delivery.keys import Keys
from activitypub.models import Actor, Delivery, Host, Sent
from activitypub.protocol.local_uris import SYNCHRONIZATION
from activitypub.protocol.retry import Breaker, delay
from activitypub.protocol.signatures.policy import Scheme
from activitypub.protocol.synchronization import Synchronization, make
from activitypub.queries import followers
from activitypub.queries.hosts import shut_among
from activitypub.services import hosts
from activitypub.services.dropping import drop
from activitypub.turns import turn

# A job that has not begun when this is nearly over is forgotten, and is anybody's again.
LEASE = timedelta(minutes=3)
# So often is looked behind hosts of which more is due than is taken, where that left less than one in so
# many: a host that answers is full by the next time, and then left out.
_LOOKS = 4
_FEW = 16

Room = Callable[[str], int]


@dataclass(frozen=True)
class Claimed:
    """What a worker has to do. `more` is whether there may be more that is due now."""

    jobs: Sequence[Job]
    more: bool


class Claims:
    """One worker's claims. Activities that it holds already are not read again."""

    def __init__(self) -> None:
        self._activities: WeakValueDictionary[int, Outgoing] = WeakValueDictionary()
        self._keys = Keys()

    def take(self, most: int, now: datetime, *, room: Room, full: Collection[str] = ()) -> Claimed:
        """Claim at most so many deliveries that are due, the longest due first.

        `room` is how many of a host the worker holds beside those it has; `full` are hosts of which it holds
        no more. What stands before an open breaker is put off as if it had failed; what is for a host that
        is left alone is dropped. However much of a host is due that is not claimed, others' are found behind
        it.
        """
        until = now + LEASE
        rows: list[Delivery] = []
        known: dict[str, Host] = {}
        left_out, places = set(full), _Places(room)
        more = False
        for _ in range(_LOOKS):
            wanted = most - len(rows)
            with turn(), transaction.atomic():
                due = _due(wanted, now, left_out)
                heard = {host.name: host for host in Host.objects.filter(name__in={row.host for row in due})}
                taken = _past_breakers(_without_shut(due), heard, places, now)
                Delivery.objects.filter(pk__in=[row.pk for row in taken]).update(claimed_until=until)
            known |= heard
            rows += taken
            more = more or len(due) == wanted
            if len(due) < wanted or len(taken) * _FEW >= wanted:
                break
            left_out |= {row.host for row in set(due).difference(taken)}
        return Claimed(self._jobs(rows, known, until), more)

    def give_back(self, jobs: Iterable[Job]) -> None:
        """Let others take what has not begun."""
        _release([job.id for job in jobs])

    def _jobs(self, rows: Sequence[Delivery], known: Mapping[str, Host], until: datetime) -> list[Job]:
        activities = self._read({row.activity_id for row in rows})
        headers = _synchronizations(rows, activities)
        jobs = []
        for row in rows:
            activity = activities.get(row.activity_id)
            if activity is None:
                continue
            host = known.get(row.host)
            jobs.append(
                Job(
                    id=row.pk,
                    activity=activity,
                    inbox=row.inbox,
                    host=row.host,
                    attempts=row.attempts,
                    scheme=Scheme(host.scheme) if host is not None and host.scheme else Scheme.CAVAGE,
                    until=until,
                    synchronization=headers.get((activity.actor_id, row.host), "") if row.synchronise else "",
                )
            )
        return jobs

    def _read(self, wanted: set[int]) -> dict[int, Outgoing]:
        activities = {pk: held for pk in wanted if (held := self._activities.get(pk)) is not None}
        missing = wanted - activities.keys()
        columns = ("pk", "actor_id", "public", "body", "type", "object_uri")
        rows = Sent.objects.filter(pk__in=missing).values_list(*columns)
        for pk, actor_id, public, body, kind, about in rows:
            # None for an actor that was erased a moment ago, and its deliveries with it.
            if (key := self._keys.of(actor_id)) is not None:
                before = self._before(actor_id, about) if kind == "Update" else None
                made = Outgoing(pk, actor_id, public, bytes(body), key, before)
                activities[pk] = self._activities[pk] = made
        return activities

    def _before(self, actor_id: int, about: str) -> SigningKey | None:
        """The key that signs first what an actor says of itself, while it has one that was replaced:
        GoToSocial takes the new key in an Update that the old one has signed, and in no other way."""
        itself = Actor.objects.filter(pk=actor_id, uri=about).exists()
        return self._keys.before(actor_id) if itself else None


def release_all() -> int:
    """Let go of every claim: for the one worker of a server, at its start, after another one's death."""
    with turn():
        return Delivery.objects.filter(claimed_until__isnull=False).update(claimed_until=None)


def _release(ids: Collection[int]) -> None:
    if ids:
        with turn():
            Delivery.objects.filter(pk__in=ids).update(claimed_until=None)


def _due(most: int, now: datetime, full: Collection[str]) -> list[Delivery]:
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    due = Delivery.objects.select_for_update(skip_locked=True).filter(free, due_at__lte=now)
    # Names, not a subquery: PostgreSQL would lock the hosts' rows too.
    left_out = {*full, *Host.objects.filter(paused=True).values_list("name", flat=True)}
    if left_out:
        due = due.exclude(host__in=left_out)
    return list(due.order_by("due_at")[:most])


class _Places:
    """Of each host as many as there is room for."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._left: dict[str, int] = {}

    def take(self, host: str) -> bool:
        """Take one; False where none is left."""
        left = self._left.setdefault(host, self._room(host))
        if left <= 0:
            return False
        self._left[host] = left - 1
        return True


def _without_shut(rows: list[Delivery]) -> list[Delivery]:
    """Drop what is for hosts that were suspended, or given up, after it was written down."""
    shut = shut_among({row.host for row in rows})
    if not shut:
        return rows
    drop(Delivery.objects.filter(pk__in=[row.pk for row in rows if row.host in shut]))
    return [row for row in rows if row.host not in shut]


def _past_breakers(
    due: Sequence[Delivery], known: Mapping[str, Host], places: _Places, now: datetime
) -> list[Delivery]:
    """Those of these that may be attempted now, and have a place."""
    # Read again, locked: of those who ask while it is open, one alone is let through.
    guarded = {name for name, host in known.items() if host.breakers}
    guards = hosts.rows(guarded) if guarded else {}
    passed: list[Delivery] = []
    stopped: list[Delivery] = []
    for row in due:
        host = guards.get(row.host)
        before = Breaker() if host is None else hosts.breaker_of(host, row.inbox)
        after, may = before.ask(now)
        if not may:
            # All of them at once, or what is behind them would wait for each.
            stopped.append(row)
        elif places.take(row.host):
            passed.append(row)
            if host is not None and after != before:
                hosts.keep_breaker(host, row.inbox, after)
    for host in guards.values():
        host.save()
    _put_off(stopped, now)
    return passed


def _put_off(rows: Sequence[Delivery], now: datetime) -> None:
    given_up = []
    later = []
    for row in rows:
        row.attempts += 1
        wait = delay(row.attempts, random.random())  # noqa: S311 - spreads attempts, hides nothing
        if wait is None:
            given_up.append(row.pk)
            continue
        row.due_at, row.last_error = now + wait, Fault.BREAKER
        later.append(row)
    Delivery.objects.bulk_update(later, ["attempts", "due_at", "last_error"])
    if given_up:
        drop(Delivery.objects.filter(pk__in=given_up))


def _synchronizations(
    rows: Sequence[Delivery], activities: Mapping[int, Outgoing]
) -> dict[tuple[int, str], str]:
    """The header of each actor for each host that gets one."""
    wanted: dict[int, set[str]] = {}
    for row in rows:
        if row.synchronise and row.activity_id in activities:
            wanted.setdefault(activities[row.activity_id].actor_id, set()).add(row.host)
    made = {}
    for actor in Actor.objects.filter(pk__in=wanted).only("uri", "followers"):
        for host, told in followers.digests(actor.pk, wanted[actor.pk]).items():
            address = f"{actor.uri}/{SYNCHRONIZATION}"
            made[actor.pk, host] = make(Synchronization(actor.followers, address, told))
    return made
