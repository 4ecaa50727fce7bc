"""Timelines and notifications: what somebody of this server is shown, the newest first.

Whom they block or mute, or who blocks them, is in none of them, as author or as who boosts. A boost stands by
its own id among the posts. Each is a fixed number of queries, whatever there is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet
from django.utils import timezone

from activitypub.models import (
    Actor,
    Block,
    Boost,
    Follow,
    FollowState,
    HostBlock,
    LocalActor,
    Mute,
    Notification,
    Post,
    Visibility,
)
from activitypub.queries.hosts import silenced_among
from activitypub.queries.newest import down_to
from activitypub.queries.posts import OPEN, visible_to

M = TypeVar("M", bound=Model)

MOST = 40
# Of a public timeline so many rows are looked at for each that is asked for, until they are enough.
_LOOKED_AT = 4
# So often is looked further down for a page of home.
_ROUNDS = 4


@dataclass(frozen=True)
class Place:
    """Where a page is: below `before`, above `after`, `limit` entries at most, and never more than MOST."""

    before: int | None = None
    after: int | None = None
    limit: int = 20

    @property
    def size(self) -> int:
        return max(1, min(self.limit, MOST))

    def of(self, rows: QuerySet[M]) -> QuerySet[M]:
        """The rows there, the newest first."""
        if self.before is not None:
            rows = rows.filter(pk__lt=self.before)
        if self.after is not None:
            rows = rows.filter(pk__gt=self.after)
        return rows.order_by("-pk")


FIRST = Place()
LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Entry:
    """A post, or somebody's boost of it. `id` is its place."""

    post: Post
    boost: Boost | None = None

    @property
    def id(self) -> int:
        return self.boost.pk if self.boost is not None else self.post.pk


@dataclass(frozen=True)
class Part:
    """All entries from `down_to` on; 0 where there are none below."""

    entries: Sequence[Entry]
    down_to: int


def home(viewer: LocalActor, place: Place = FIRST) -> Sequence[Entry]:
    """What those write and boost whom the viewer follows, and the viewer's own; each post once.

    Their answers are in it where they answer themselves, the viewer, or somebody whom the viewer follows.
    Direct posts are not. A page may be shorter than asked for where most of what they write is not shown.
    """
    newest: dict[int, Entry] = {}
    for _ in range(_ROUNDS):
        part = home_part(viewer, place)
        for entry in part.entries:
            newest.setdefault(entry.post.pk, entry)
        if len(newest) >= place.size or not part.down_to:
            break
        place = replace(place, before=part.down_to)
    return list(newest.values())[: place.size]


def home_part(viewer: LocalActor, place: Place = FIRST) -> Part:
    """The same with every boost, as far down as is looked for a page: it may be empty where there is more."""
    followed = Follow.objects.filter(follower=viewer, state=FollowState.ACCEPTED).values("followee")
    circle = Q(author=viewer) | Q(author__in=followed)
    answers = Q(in_reply_to_uri="") | Q(in_reply_to__author=viewer) | Q(in_reply_to__author__in=followed)
    posts = (
        visible_to(viewer)
        .filter(circle, answers | Q(in_reply_to__author=F("author")), wanted_by(viewer, "author"))
        .exclude(visibility=Visibility.DIRECT)
    )
    boosts = (
        Boost.objects.select_related("actor", "post__author")
        .filter(Q(actor=viewer) | Q(actor__in=followed))
        .filter(actor__suspended_at=None, post__author__suspended_at=None)
        .filter(Q(post__visibility__in=OPEN) | Q(post__author=F("actor")))
        .filter(wanted_by(viewer, "actor"), wanted_by(viewer, "post__author"))
    )
    people, above = Actor.objects.filter(Q(pk=viewer.pk) | Q(pk__in=followed)), place.after or 0
    between = {"above": above, "before": place.before or LARGEST}
    low = max(
        down_to(Post.objects.all(), "author", people, **between),
        down_to(Boost.objects.all(), "actor", people, **between),
    )
    written = [Entry(post) for post in place.of(posts.filter(pk__gte=low))[: place.size]]
    boosted = [Entry(row.post, row) for row in place.of(boosts.filter(pk__gte=low))[: place.size]]
    # Of what there is more of than is shown, the rest belongs to the next part.
    low = max(low, *(some[-1].id for some in (written, boosted) if len(some) == place.size), 0)
    entries = sorted((*written, *boosted), key=lambda entry: -entry.id)
    whole = low <= above + 1
    return Part([entry for entry in entries if entry.id >= low], 0 if whole else low)


def local(viewer: LocalActor | None, place: Place = FIRST) -> Sequence[Entry]:
    """Public posts of this server; None for anybody."""
    return [Entry(post) for post in place.of(_public(viewer).filter(author__host=""))[: place.size]]


def public(viewer: LocalActor | None, place: Place = FIRST) -> Sequence[Entry]:
    """All public posts that this server knows, without those of silenced hosts; None for anybody.

    A page may be shorter than asked for where silenced hosts wrote most of what there is.
    """
    found = list(place.of(_public(viewer))[: place.size * _LOOKED_AT])
    silenced = silenced_among({post.author.host for post in found} - {""})
    return [Entry(post) for post in found if post.author.host not in silenced][: place.size]


def notifications(viewer: LocalActor, place: Place = FIRST) -> Sequence[Notification]:
    """What the viewer is told of."""
    rows = (
        Notification.objects.select_related("actor", "post__author")
        .filter(recipient=viewer, actor__suspended_at=None)
        .filter(wanted_by(viewer, "actor", muted=Q(notifications=True)))
    )
    return list(place.of(rows)[: place.size])


def _public(viewer: LocalActor | None) -> QuerySet[Post]:
    """Public posts that are no answers to others."""
    rows = visible_to(viewer).filter(
        Q(in_reply_to_uri="") | Q(in_reply_to__author=F("author")), visibility=Visibility.PUBLIC
    )
    return rows if viewer is None else rows.filter(wanted_by(viewer, "author"))


def wanted_by(viewer: Actor, column: str, muted: Q | None = None) -> Q:
    """Rows whose actor, named in a column, the viewer wants to see, and who wants to be seen."""
    stands = Q(until=None) | Q(until__gt=timezone.now())
    return (
        ~Exists(Block.objects.filter(actor=viewer, target=OuterRef(column)))
        & ~Exists(Block.objects.filter(actor=OuterRef(column), target=viewer))
        & ~Exists(Mute.objects.filter(stands, muted or Q(), actor=viewer, target=OuterRef(column)))
        & ~Exists(HostBlock.objects.filter(actor=viewer, host=OuterRef(f"{column}__host")))
    )
