"""Keeping what came in, before anybody is told that it came."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Final, NamedTuple

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
        rows = [_row(arrival, at) for arrival in kept]
        with transaction.atomic():
            if _keep(row._replace(received_at=moment(row.received_at)) for row in rows) < len(rows):
                again = [pair for pair in zip(rows, kept, strict=True) if pair[1].activity_type in COME_AGAIN]
                # By digest, so that two who do this at once never wait for each other.
                for row, arrival in sorted(again, key=lambda pair: pair[0].digest):
                    _keep_anew(row, _signed_at(arrival))
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
    received_at: datetime
    attempts: int = 0
    outcome: str = ""


def _row(arrival: Arrival, at: datetime) -> _Row:
    sender = arrival.sender
    if arrival.activity_type in COME_AGAIN:
        # By a clock that is ahead it was signed later than it came, and the same once more would be too.
        at = max(at, _signed_at(arrival))
    digest = hashlib.sha256(arrival.activity_id.encode()).digest()
    return _Row(new_id(), digest, sender.actor_uri, arrival.recipient, sender.body, at)


def _keep_anew(row: _Row, signed_at: datetime) -> None:
    """In the place of one that is done. What waits has its effect yet, a replay was signed before, and the
    id may be another actor's of that host: those stay as they are."""
    done = Received.objects.filter(digest=row.digest, actor=row.actor).exclude(outcome="")
    done.filter(received_at__lt=signed_at).update(**row._asdict(), not_before=None)


def _signed_at(arrival: Arrival) -> datetime:
    return datetime.fromtimestamp(arrival.sender.signed_at, UTC)
