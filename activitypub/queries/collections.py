"""What belongs to an actor, counted and in pages, the newest first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet

from activitypub.models import Bookmark, Follow, FollowState, LocalActor, Pin, Sent
from activitypub.protocol.local_uris import bookmarks_of
from activitypub.queries.posts import OPEN, visible_to
from devices.errors import CursorInvalid

PAGE_SIZE = 50
FIRST = "first"
BOOKMARKS = "bookmarks"
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Collection:
    """`total` items at `uri`. `items` are the newest of them, by their addresses, where they stand in the
    collection's own document too."""

    uri: str
    total: int
    items: Sequence[Any] = ()


@dataclass(frozen=True)
class Page:
    """Some items of the collection at `uri`, by their addresses. `place` is FIRST, or the id of the row
    before the page's first; `next` is the place of the page after, empty where there is none."""

    uri: str
    place: str
    items: Sequence[Any]
    next: str


def followers_of(actor: LocalActor) -> QuerySet[Follow]:
    """Those whose Follow was accepted."""
    return Follow.objects.filter(followee=actor, state=FollowState.ACCEPTED)


def following_of(actor: LocalActor) -> QuerySet[Follow]:
    """Those who accepted the actor's Follow."""
    return Follow.objects.filter(follower=actor, state=FollowState.ACCEPTED)


def published_by(actor: LocalActor) -> QuerySet[Sent]:
    """The activities of the actor that are for everybody."""
    return Sent.objects.filter(actor=actor, public=True)


def pinned_by(actor: LocalActor) -> QuerySet[Pin]:
    """What the actor shows first, as far as anybody may see it."""
    return Pin.objects.filter(actor=actor, post__visibility__in=OPEN)


def kept_by(actor: LocalActor) -> QuerySet[Bookmark]:
    """What the actor keeps for its owner alone, as far as that one may see it still."""
    return Bookmark.objects.filter(Exists(visible_to(actor).filter(pk=OuterRef("post"))), actor=actor)


# Of each collection: its rows, and the column in which the address of an item stands.
_ROWS: Mapping[str, tuple[Callable[[LocalActor], QuerySet[Any]], str]] = {
    "followers": (followers_of, "follower__uri"),
    "following": (following_of, "followee__uri"),
    "outbox": (published_by, "uri"),
    "featured": (pinned_by, "post__uri"),
    BOOKMARKS: (kept_by, "post__uri"),
}


# GoToSocial and Misskey read of what is pinned only what stands in the collection itself.
_AT_ONCE: Final = frozenset({"featured"})


def collection(actor: LocalActor, name: str) -> Collection:
    """One of `followers`, `following`, `outbox`, `featured`, `bookmarks`."""
    rows, _ = _ROWS[name]
    items = page(actor, name, FIRST).items if name in _AT_ONCE else ()
    return Collection(_address(actor, name), rows(actor).count(), items)


def page(actor: LocalActor, name: str, place: str) -> Page:
    """The page at a place. Raises CursorInvalid."""
    before = place_of(place)
    rows, column = _ROWS[name]
    found = list(rows(actor).filter(pk__lt=before).order_by("-pk").values_list("pk", column)[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    return Page(
        _address(actor, name),
        place,
        [address for _, address in shown],
        str(shown[-1][0]) if len(found) > PAGE_SIZE else "",
    )


def _address(actor: LocalActor, name: str) -> str:
    return bookmarks_of(actor.uri) if name == BOOKMARKS else getattr(actor, name)


def place_of(text: str) -> int:
    """The id before which a page begins. Raises CursorInvalid."""
    if text == FIRST:
        return _LARGEST
    # Digits of ASCII alone: int() takes spaces, underscores and other scripts too.
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= _LARGEST):
        raise CursorInvalid
    return int(text)
