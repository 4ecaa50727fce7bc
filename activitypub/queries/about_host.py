"""All that this server holds about one other, by a fixed number of look-ups, each of which has an end."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Max, QuerySet

from activitypub.models import (
    Actor,
    ActorKey,
    Block,
    Boost,
    Delivery,
    Follow,
    FollowState,
    Host,
    HostBlock,
    HostPolicy,
    Like,
    Mute,
    Post,
    Received,
    Report,
    Vote,
    Wanted,
)
from activitypub.protocol.uris import origin_of
from activitypub.queries import errands
from activitypub.queries.deliveries import HostOverview, of_host
from activitypub.queries.hosts import and_above

# A table that is shown has no more rows; a figure, and what is looked through for one, no more than MOST.
SHOWN: Final = 20
MOST: Final = 5000


@dataclass(frozen=True)
class Waiting:
    """Deliveries of one type of activity that came to the same the last time."""

    type: str
    error: str
    deliveries: int
    attempts: int


@dataclass(frozen=True)
class AboutHost:
    """`policies` are those for it and for domains that it is in. Figures are MOST where there are more.
    `ended` is what came of the activities from there among the MOST that ended last here, all hosts'."""

    standing: HostOverview
    breakers: Sequence[tuple[str, str, int, datetime | None]]
    policies: Sequence[HostPolicy]
    waiting: Sequence[Waiting]
    errands: Sequence[errands.Waiting]
    actors: int
    suspended: int
    newest: Sequence[Actor]
    posts: int
    keys: int
    likes: int
    boosts: int
    votes: int
    wanted: int
    read_at: datetime | None
    following: int
    followed: int
    asked: int
    incoming: int
    ended: Sequence[tuple[str, int]]
    reports: int
    reported: int
    blocks: int
    blocked: int
    mutes: int
    host_blocks: int


def about(name: str, now: datetime) -> AboutHost:
    """All about a `host[:port]`, known or not."""
    there = Actor.objects.filter(host=name)
    accepted = Follow.objects.filter(state=FollowState.ACCEPTED)
    host = Host.objects.filter(name=name).first() or Host(name=name)
    return AboutHost(
        standing=of_host(name, now),
        breakers=[
            (inbox, kept["state"], kept["failures"], _time(kept.get("opened_at")))
            for inbox, kept in sorted(host.breakers.items())[:SHOWN]
        ],
        policies=list(HostPolicy.objects.filter(host__in=set(and_above(name))).order_by("host")),
        waiting=_waiting(name),
        errands=errands.waiting(now, name, most=MOST),
        actors=_figure(there),
        suspended=_figure(there.filter(suspended_at__isnull=False)),
        newest=list(there.order_by("-pk")[:SHOWN]),
        posts=_figure(Post.objects.filter(author__host=name)),
        keys=_figure(ActorKey.objects.filter(actor__host=name)),
        likes=_figure(Like.objects.filter(actor__host=name)),
        boosts=_figure(Boost.objects.filter(actor__host=name)),
        votes=_figure(Vote.objects.filter(actor__host=name)),
        wanted=_figure(Wanted.objects.filter(host=name)),
        read_at=there.aggregate(at=Max("fetched_at"))["at"],
        following=_figure(accepted.filter(follower__host=name, followee__host="")),
        followed=_figure(accepted.filter(followee__host=name, follower__host="")),
        asked=_figure(Follow.objects.filter(followee__host=name, state=FollowState.REQUESTED)),
        incoming=_of_origin(Received.objects.filter(outcome="").order_by("pk"), name).total(),
        ended=_of_origin(Received.objects.exclude(outcome="").order_by("-received_at"), name).most_common(
            SHOWN
        ),
        reports=_figure(Report.objects.filter(reporter__host=name)),
        reported=_figure(Report.objects.filter(target__host=name)),
        blocks=_figure(Block.objects.filter(target__host=name, actor__host="")),
        blocked=_figure(Block.objects.filter(actor__host=name)),
        mutes=_figure(Mute.objects.filter(target__host=name)),
        host_blocks=_figure(HostBlock.objects.filter(host=name)),
    )


def _time(kept: str | None) -> datetime | None:
    return datetime.fromisoformat(kept) if kept else None


def _figure(rows: QuerySet[Any]) -> int:
    return rows.order_by().values("pk")[:MOST].count()


def _waiting(name: str) -> list[Waiting]:
    grouped = (
        Delivery.objects.filter(host=name)
        .values_list("activity__type", "last_error")
        .annotate(deliveries=Count("pk"), attempts=Max("attempts"))
        .order_by("-deliveries", "activity__type", "last_error")[:SHOWN]
    )
    return [Waiting(*row) for row in grouped]


def _of_origin(rows: QuerySet[Received], name: str) -> Counter[str]:
    """What came of those of these rows whose sender is there. No index finds them by host, so the first are
    looked through."""
    found: Counter[str] = Counter()
    for actor, outcome in rows.values_list("actor", "outcome")[:MOST]:
        origin = origin_of(actor)
        if origin is not None and origin.authority == name:
            found[outcome or "waits"] += 1
    return found
