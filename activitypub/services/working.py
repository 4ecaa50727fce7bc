"""Working through what came in: several activities in one transaction, each with what it does or not at all.

That an activity is done is written where its effects are. Whenever the process dies, either both are there
or neither.
"""

import hashlib
import logging
import random
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Final

from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import Q

from activitypub.conflicts import CONFLICTS, is_of_two
from activitypub.fetching.errors import DownForNow, NotFetched
from activitypub.inbox.context import Context, Needs, NoEffect, Unfinished
from activitypub.inbox.handlers import HANDLERS
from activitypub.inbox.line import Job
from activitypub.models import Received, RemoteActor
from activitypub.protocol import authority
from activitypub.protocol.documents.activities import activity
from activitypub.protocol.documents.reading import Document, read
from activitypub.protocol.documents.refusals import RefusedDocument
from activitypub.protocol.retry import delay
from activitypub.queries.hosts import suspended_among
from activitypub.services import hosts, wanting
from activitypub.turns import turn

log = logging.getLogger("activitypub.inbox")

DONE: Final = "done"
UNSUPPORTED: Final = "unsupported"
FAILED: Final = "failed"
# What fails by a fault of this server's is tried so often: the fault may pass.
MOST_FAULTS: Final = 5
# A transaction begins nothing more after this: who waits to keep what came in has not answered for it yet.
SECONDS_AT_ONCE: Final = 0.05
# The number by which PostgreSQL knows the locks of those who work. Any other would do.
_LOCK: Final = 0x4858_5649

Fetched = Mapping[str, Document | NotFetched | None]


class Ended(Enum):
    """What became of a job."""

    DONE = auto()
    LATER = auto()  # its row says when
    UNFINISHED = auto()  # a part of it is done
    HELD = auto()  # for want of time, or one before it, of the same actor, needs something first
    ELSEWHERE = auto()  # another worker is at work for its actor


def fresh(after: int, most: int) -> list[Job]:
    """What was never tried, by its order, behind the row with that id."""
    waiting = Received.objects.filter(outcome="", not_before=None, pk__gt=after).order_by("pk")
    return [Job(*found) for found in waiting.values_list("pk", "actor")[:most]]


def due(now: datetime, most: int) -> list[Job]:
    """What was put off, and whose time has come."""
    waiting = Received.objects.filter(outcome="", not_before__lte=now).order_by("not_before")
    return [Job(*found) for found in waiting.values_list("pk", "actor")[:most]]


def work(jobs: Sequence[Job], fetched: Mapping[int, Fetched], now: datetime) -> dict[int, Ended | Needs]:
    """Work through these in one transaction, in their order; return what became of each.

    `fetched` is what was had on behalf of a job. Behind one that needs something, or is unfinished, those of
    the same actor are held. Raises errors of the database: nothing is done then.
    """
    try:
        ended, heard = _together(jobs, fetched, now)
    except CONFLICTS as error:
        if not is_of_two(error):
            raise
        ended, heard = _one_by_one(jobs, fetched, now)
    # Whoever speaks is there again, and is owed what waits.
    hosts.heard(heard, now)
    return ended


def _together(
    jobs: Sequence[Job], fetched: Mapping[int, Fetched], now: datetime
) -> tuple[dict[int, Ended | Needs], set[str]]:
    """What became of each, and the hosts of those who sent them."""
    with turn(), transaction.atomic():
        batch = _Batch(jobs, now)
        began = time.monotonic()
        ended: dict[int, Ended | Needs] = {}
        for job in jobs:
            in_time = not ended or time.monotonic() - began < SECONDS_AT_ONCE
            ended[job.id] = batch.one(job, fetched.get(job.id, {})) if in_time else Ended.HELD
        batch.write_down()
    return ended, batch.hosts


def _one_by_one(
    jobs: Sequence[Job], fetched: Mapping[int, Fetched], now: datetime
) -> tuple[dict[int, Ended | Needs], set[str]]:
    """As `_together`, each in a transaction of its own: it takes few rows, and none along if it fails."""
    ended: dict[int, Ended | Needs] = {}
    heard: set[str] = set()
    held: set[str] = set()
    for job in jobs:
        if job.actor in held:
            ended[job.id] = Ended.HELD
            continue
        try:
            alone, host = _together([job], fetched, now)
        except CONFLICTS as error:
            if not is_of_two(error):
                raise
            alone, host = {job.id: _fault(job, error, now)}, set()
        heard |= host
        ended |= alone
        if ended[job.id] not in (Ended.DONE, Ended.LATER):
            held.add(job.actor)
    return ended, heard


def _fault(job: Job, error: Exception, now: datetime) -> Ended:
    """Something of ours stands against this one: later, and some times at most."""
    log.error("an activity failed", extra={"fields": {"kind": type(error).__name__, "id": job.id}})
    with turn(), transaction.atomic():
        row = Received.objects.filter(pk=job.id, outcome="").first()
        outcome = put_off(row, FAILED, now, MOST_FAULTS) if row is not None else ""
        if outcome:
            Received.objects.filter(pk=job.id).update(outcome=outcome, body=b"")
    return Ended.DONE if outcome or row is None else Ended.LATER


def put_off(row: Received, reason: str, now: datetime, most: int | None = None) -> str:
    """Let a row wait until it is tried again; return its outcome if that was the last time, else nothing."""
    row.attempts += 1
    jitter = random.random()  # noqa: S311 - it spreads attempts and hides nothing
    wait = delay(row.attempts, jitter)
    if wait is None or (most is not None and row.attempts >= most):
        return reason
    Received.objects.filter(pk=row.pk).update(attempts=row.attempts, not_before=now + wait)
    return ""


class _Batch:
    def __init__(self, jobs: Sequence[Job], now: datetime) -> None:
        # What is read is read behind the locks: another may have been faster.
        self._ours = _locked({job.actor for job in jobs})
        now_or_never = Q(not_before=None) | Q(not_before__lte=now)
        waiting = Received.objects.filter(now_or_never, pk__in=[job.id for job in jobs], outcome="")
        self._rows = {row.pk: row for row in waiting.defer("digest", "received_at")}
        senders = RemoteActor.objects.filter(uri__in={row.actor for row in self._rows.values()})
        self._actors = {actor.uri: actor for actor in senders}
        self.hosts = {actor.host for actor in self._actors.values()}
        self._now = now
        self._suspended = suspended_among(self.hosts)
        self._held: set[str] = set()
        self._outcomes: dict[str, list[int]] = {}

    def one(self, job: Job, fetched: Fetched) -> Ended | Needs:
        if job.actor not in self._ours:
            return Ended.ELSEWHERE
        row = self._rows.get(job.id)
        if row is None:
            return Ended.DONE
        if job.actor in self._held:
            return Ended.HELD
        try:
            outcome = self._effect_at_last(row, fetched)
        except (Needs, Unfinished) as left:
            self._held.add(job.actor)
            return left if isinstance(left, Needs) else Ended.UNFINISHED
        except NoEffect as error:
            outcome = error.reason
        except DownForNow as error:
            outcome = put_off(row, f"fetch_{error.reason}", self._now)
        except NotFetched as error:
            outcome = f"fetch_{error.reason}"
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            # Its text may hold what came in, so the kind alone is told.
            log.error("an activity failed", extra={"fields": {"kind": type(error).__name__, "id": job.id}})
            outcome = put_off(row, FAILED, self._now, MOST_FAULTS)
        if not outcome:
            return Ended.LATER
        self._outcomes.setdefault(outcome[:80], []).append(job.id)
        return Ended.DONE

    def write_down(self) -> None:
        for outcome, ids in self._outcomes.items():
            Received.objects.filter(pk__in=ids).update(outcome=outcome, body=b"")

    def _effect_at_last(self, row: Received, fetched: Fetched) -> str:
        try:
            return self._effect(row, fetched)
        except IntegrityError:
            # Another worker has just written the same: now that is seen.
            return self._effect(row, fetched)

    def _effect(self, row: Received, fetched: Fetched) -> str:
        try:
            body = bytes(row.body)
            found = activity(read(body))
        except RefusedDocument as error:
            raise NoEffect(error.refusal) from None
        if reason := authority.against(found, row.actor):
            raise NoEffect(reason)
        handler = HANDLERS.get(found.type)
        if handler is None:
            raise NoEffect(UNSUPPORTED)
        actor = self._actor(row.actor, fetched)
        context = Context(actor, row.recipient, self._now, fetched, self._want, body)
        unfinished: Unfinished | None = None
        with transaction.atomic():
            try:
                handler(context, found)
            except Unfinished as part:
                unfinished = part
        if unfinished is not None:
            raise unfinished
        return DONE

    def _want(self, uri: str) -> None:
        # With what lacks it, in the one transaction.
        wanting.want(uri, self._now)

    def _actor(self, uri: str, fetched: Fetched) -> RemoteActor:
        actor = self._actors.get(uri)
        # Without a number it was erased a moment ago, by its own Delete.
        if actor is None or actor.pk is None:
            if isinstance(error := fetched.get(uri), NotFetched):
                raise error.again()
            raise Needs(uri, actor=True)
        if actor.suspended_at is not None:
            raise NoEffect("actor_suspended")
        if actor.host in self._suspended:
            raise NoEffect("host_suspended")
        return actor


def _locked(actors: Collection[str]) -> Collection[str]:
    """Those of these actors for whom nobody else works before this transaction has ended, so that what each
    has sent keeps its order whoever works. On SQLite whoever writes is alone as it is."""
    if connection.vendor != "postgresql":
        return actors
    numbers = {actor: _number(actor) for actor in actors}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number FROM unnest(%s::int[]) AS number WHERE pg_try_advisory_xact_lock(%s, number)",
            [sorted(set(numbers.values())), _LOCK],
        )
        free = {number for (number,) in cursor}
    return {actor for actor, number in numbers.items() if number in free}


def _number(actor: str) -> int:
    """By what PostgreSQL knows an actor's lock. Two that share one merely wait for each other."""
    return int.from_bytes(hashlib.sha256(actor.encode()).digest()[:4], "big", signed=True)
