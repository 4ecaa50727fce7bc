"""Keeping what came in, before anybody is told that it came."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from django.db import transaction

from accounts.protocol.names import is_username
from accounts.queries import was_erased
from activitypub import bell
from activitypub.ids import new_id
from activitypub.inbox.authentication import Authenticated
from activitypub.models import LocalActor, Received
from activitypub.queries.hosts import suspended_among
from activitypub.queries.prepared import Among
from activitypub.services.inserting import Insert, moment

# Misskey makes the id of a Follow from who follows whom, and its Undo's from that, the same each time.
COME_AGAIN: Final = frozenset({"Follow", "Undo"})

# Of what comes twice the first is kept. That two rows have one number is another matter, and an error.
_keep = Insert(
    Received,
    *("id", "digest", "actor", "recipient", "body", "received_at", "attempts", "outcome"),
    unless="digest",
)
_here = Among(
    lambda names: LocalActor.objects.filter(username__in=names, account__isnull=False).values_list(
        "username", flat=True
    )
)


class Verdict(Enum):
    """What became of an arrival."""

    KEPT = auto()
    HOST_SUSPENDED = auto()
    RECIPIENT_UNKNOWN = auto()
    RECIPIENT_GONE = auto()


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """An activity, with its id and type, for the inbox of `recipient`, a username, or for the shared one,
    which is empty.

    `host` is the sender's, as its policy names it.
    """

    sender: Authenticated
    activity_id: str
    activity_type: str
    host: str
    recipient: str


def keep(arrivals: Sequence[Arrival], at: datetime) -> Mapping[Arrival, Verdict]:
    """Keep activities in one transaction, in their order; one whose id is known is kept already.

    But a Follow or an Undo is kept anew if it was signed after the one before it was received, and that one
    is done. When this returns they are on the disk.
    """
    suspended = suspended_among({arrival.host for arrival in arrivals})
    here, gone = _recipients({arrival.recipient for arrival in arrivals} - {""})

    def verdict(arrival: Arrival) -> Verdict:
        if arrival.host in suspended:
            return Verdict.HOST_SUSPENDED
        if not arrival.recipient or arrival.recipient in here:
            return Verdict.KEPT
        return Verdict.RECIPIENT_GONE if arrival.recipient in gone else Verdict.RECIPIENT_UNKNOWN

    verdicts = {arrival: verdict(arrival) for arrival in arrivals}
    kept = [arrival for arrival in arrivals if verdicts[arrival] is Verdict.KEPT]
    if kept:
        received_at = moment(at)
        rows = [_row(arrival, received_at) for arrival in kept]
        again = [n for n, arrival in enumerate(kept) if arrival.activity_type in COME_AGAIN]
        for n in again:
            rows[n] = rows[n]._replace(received_at=moment(_received_at(kept[n], at)))
        with transaction.atomic():
            if _keep(rows) < len(rows):
                # By digest, so that two who do this at once never wait for each other.
                for n in sorted(again, key=lambda n: rows[n].digest):
                    _keep_anew(kept[n], rows[n], at)
        bell.ring()
    return verdicts


def _recipients(names: set[str]) -> tuple[set[str], set[str]]:
    """Of these usernames those that have an actor, and those that were erased."""
    # What no username can be may be what no database takes, and would take the others' rows along.
    names = set(filter(is_username, names))
    if not names:
        return set(), set()
    here = _here(names)
    return here, set(filter(was_erased, names - here))


class _Row(NamedTuple):
    id: int
    digest: bytes
    actor: str
    recipient: str
    body: bytes
    received_at: Any
    attempts: int = 0
    outcome: str = ""


def _row(arrival: Arrival, received_at: Any) -> _Row:
    digest = hashlib.sha256(arrival.activity_id.encode()).digest()
    sender = arrival.sender
    return _Row(new_id(), digest, sender.actor_uri, arrival.recipient, sender.body, received_at)


def _keep_anew(arrival: Arrival, row: _Row, at: datetime) -> None:
    """In the place of one that is done. What waits has its effect yet, a replay was signed before, and the
    id may be another actor's of that host: those stay as they are."""
    done = Received.objects.filter(digest=row.digest, actor=row.actor).exclude(outcome="")
    values = row._replace(received_at=_received_at(arrival, at))._asdict()
    done.filter(received_at__lt=_signed_at(arrival)).update(**values, not_before=None)


def _received_at(arrival: Arrival, at: datetime) -> datetime:
    # By a clock that is ahead it was signed later than it came, and the same once more would be too.
    return max(at, _signed_at(arrival))


def _signed_at(arrival: Arrival) -> datetime:
    return datetime.fromtimestamp(arrival.sender.signed_at, UTC)
