"""Keeping what came in, before anybody is told that it came."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

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
    """An activity for the inbox of `recipient`, a username, or for the shared one, which is empty.

    `host` is the sender's, as its policy names it.
    """

    sender: Authenticated
    activity_id: str
    host: str
    recipient: str


def keep(arrivals: Sequence[Arrival], at: datetime) -> Mapping[Arrival, Verdict]:
    """Keep activities in one transaction, in their order; one whose id is known is kept already.

    When this returns they are on the disk.
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
        with transaction.atomic():
            _keep(_row(arrival, received_at) for arrival in kept)
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


def _row(arrival: Arrival, received_at: Any) -> tuple[Any, ...]:
    digest = hashlib.sha256(arrival.activity_id.encode()).digest()
    sender = arrival.sender
    return new_id(), digest, sender.actor_uri, arrival.recipient, sender.body, received_at, 0, ""
