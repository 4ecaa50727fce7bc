"""What came to a person, as activities: what those write and boost whom they follow, what names them, and who
follows them, asks to quote, or likes and boosts what they wrote. The newest first.

It is put together from rows, so it tells what is so now: an edited post as it is, what was undone not at all.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from activitypub.models import (
    Boost,
    Follow,
    Like,
    LocalActor,
    Mention,
    Notification,
    NotificationType,
    Post,
    QuoteRequest,
    QuoteState,
    Sent,
)
from activitypub.queries import timelines
from activitypub.queries.collections import FIRST, place_of
from activitypub.queries.outbox import CREATE
from activitypub.queries.posts import WITH_NAMES, visible_to
from activitypub.queries.timelines import Place, wanted_by

PAGE_SIZE = timelines.MOST

_LIKED = NotificationType.FAVOURITE
_BOOSTED = NotificationType.REBLOG
_ASKED = NotificationType.QUOTE_REQUEST
_FOLLOWED = (NotificationType.FOLLOW, NotificationType.FOLLOW_REQUEST)


@dataclass(frozen=True)
class Created:
    """A post that came; `uri` is the id of its Create, empty where that is not known."""

    post: Post
    uri: str


Arrival = Created | Boost | Follow | Like | QuoteRequest


@dataclass(frozen=True)
class InboxPage:
    """`next` is the place of the page after, empty where there is none."""

    place: str
    items: Sequence[Arrival]
    next: str


# A post or a boost, what names the viewer, or what they were told of, at its place; None takes up a place
# and is not shown.
_Found = Post | Boost | Notification | None


def page(viewer: LocalActor, place: str = FIRST) -> InboxPage:
    """The page at a place. As many queries whatever there is; a page may be empty where there is more. Raises
    CursorInvalid."""
    before = Place(before=place_of(place), limit=PAGE_SIZE)
    found: dict[int, _Found] = {}
    home = timelines.home_part(viewer, before)
    for entry in home.entries:
        own = (entry.boost.actor_id if entry.boost else entry.post.author_id) == viewer.pk
        found[entry.id] = None if own else entry.boost or entry.post
    for post in _named_in(viewer, before):
        found[post.pk] = post
    for told in timelines.notifications(viewer, before):
        found[told.pk] = told
    # What is further down than was looked for in home belongs to the next page.
    places = sorted((at for at in found if at >= home.down_to), reverse=True)[:PAGE_SIZE]
    shown = [one for one in map(found.__getitem__, places) if one is not None]
    following = places[-1] if len(places) == PAGE_SIZE else home.down_to
    return InboxPage(place, list(_arrivals(viewer, shown)), str(following or ""))


def _named_in(viewer: LocalActor, place: Place) -> Sequence[Post]:
    """Posts of others that name the viewer, the direct ones among them."""
    seen = visible_to(viewer).exclude(author=viewer).filter(wanted_by(viewer, "author"))
    rows = Mention.objects.filter(Exists(seen.filter(pk=OuterRef("post"))), actor=viewer)
    rows = rows.filter(post_id__lt=place.before).order_by("-post_id")
    keys = list(rows.values_list("post_id", flat=True)[: place.size])
    return list(Post.objects.filter(pk__in=keys))


def _arrivals(viewer: LocalActor, found: Sequence[Post | Boost | Notification]) -> Iterator[Arrival]:
    full = {post.pk: post for post in _with_names([one.pk for one in found if isinstance(one, Post)])}
    uris = _creates([post.uri for post in full.values() if not post.author.host])
    told = _Told(viewer, [one for one in found if isinstance(one, Notification)])
    boosted = {one.pk for one in found if isinstance(one, Boost)}
    for one in found:
        if isinstance(one, Boost):
            yield one
        elif isinstance(one, Post):
            if one.pk in full:
                yield Created(full[one.pk], uris.get(one.uri, ""))
        else:
            row = told.of(one)
            if row is not None and not (isinstance(row, Boost) and row.pk in boosted):
                yield row


def _with_names(keys: Collection[int]) -> Sequence[Post]:
    posts = Post.objects.select_related("author").filter(pk__in=keys)
    return list(posts.prefetch_related(*WITH_NAMES))


def _creates(uris: Collection[str]) -> dict[str, str]:
    sent = Sent.objects.filter(object_uri__in=uris, type=CREATE)
    return dict(sent.values_list("object_uri", "uri"))


class _Told:
    """The activities of which somebody was told, as far as they still stand."""

    def __init__(self, viewer: LocalActor, found: Sequence[Notification]) -> None:
        people = {one.actor_id for one in found}
        posts = {one.post_id for one in found if one.type in (_LIKED, _BOOSTED)}
        whose = {"actor__in": people, "post__in": posts}
        follows = Follow.objects.select_related("follower", "followee")
        likes = Like.objects.select_related("actor", "post__author").filter(**whose).order_by("-pk")
        boosts = Boost.objects.select_related("actor", "post__author").filter(**whose)
        self._follows = {row.follower_id: row for row in follows.filter(followee=viewer, follower__in=people)}
        asked = QuoteRequest.objects.select_related("asker", "post").filter(
            asker__in=people,
            post__in={one.post_id for one in found if one.type == _ASKED},
            state=QuoteState.PENDING,
        )
        # Of several requests, or reactions, the first, by which they were told.
        self._asked = {(row.asker_id, row.post_id): row for row in asked.order_by("-pk")}
        self._likes = {(row.actor_id, row.post_id): row for row in likes}
        self._boosts = {(row.actor_id, row.post_id): row for row in boosts}

    def of(self, told: Notification) -> Arrival | None:
        if told.type in _FOLLOWED:
            return self._follows.get(told.actor_id)
        about = (told.actor_id, told.post_id or 0)
        if told.type == _ASKED:
            return self._asked.get(about)
        if told.type == _LIKED:
            return self._likes.get(about)
        return self._boosts.get(about) if told.type == _BOOSTED else None
