"""What goes of an actor that is no more: all of it, a part at a time."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Model

from activitypub.fetching.errors import DownForNow, Gone
from activitypub.models import Actor, Boost, Errand, ErrandKind, Like, Post, QuoteState, RemoteActor
from activitypub.queries.posts import OPEN
from activitypub.services import errands
from activitypub.services.errands import Found

# In one transaction, so that nobody waits long.
AT_ONCE: Final = 200
# A server that says of somebody that they are gone is asked once more after this: a fault may be mended.
ASKED_AGAIN_AFTER: Final = timedelta(days=1)

# Where a post is counted, and whether.
_COUNTS: Final = ("visibility", "in_reply_to", "quote", "quote_state")
_COUNTED: Final[tuple[tuple[type[Model], str], ...]] = ((Like, "likes_count"), (Boost, "boosts_count"))


@transaction.atomic
def erase_some(actor: Actor) -> bool:
    """Delete a part of what is the actor's, and at last the actor; whether that was all."""
    if take_some(actor):
        return False
    actor.delete()
    return True


def take_some(actor: Actor) -> bool:
    """Delete, in the caller's transaction, some of the actor's posts, likes or boosts, and count them no
    more where others' posts count them; whether there were any.

    Votes stay counted: what people said together is not taken back when one of them leaves.
    """
    return _some_posts(actor) or any(_some_counted(actor, *counted) for counted in _COUNTED)


# --- Actors of other servers that answer 410 ---------------------------------------------------------


def suspect(uri: str, now: datetime) -> None:
    """The actor's own server has said at its address that it is gone. Nothing goes before it says so again,
    a day later."""
    actor = RemoteActor.objects.filter(uri=uri).first()
    if actor is not None:
        errands.put(ErrandKind.ACTOR_GONE, actor=actor, due_at=now + ASKED_AGAIN_AFTER)


def asked(errand: Errand) -> str | None:
    """The actor's address, until its server has said there that it is gone."""
    if errand.place:
        return None
    return RemoteActor.objects.filter(errands=errand).values_list("uri", flat=True).first()


def leave(errand: Errand, actor: Actor, found: Found, now: datetime) -> datetime | None:
    """Erase a part of an actor of another server, if that says that it is gone. Raises DownForNow while it
    does not answer."""
    if isinstance(found, DownForNow):
        raise found.again()
    if not errand.place and not isinstance(found, Gone):
        return None
    errand.place = 1
    return None if erase_some(actor) else now


def _some_posts(actor: Actor) -> bool:
    found = list(Post.objects.filter(author_id=actor.pk).order_by("pk").only(*_COUNTS)[:AT_ONCE])
    quoting = [post for post in found if post.quote_state == QuoteState.ACCEPTED]
    Post.objects.filter(pk__in=[post.pk for post in found]).delete()
    _count_down("replies_count", _named(post.in_reply_to_id for post in found if post.visibility in OPEN))
    _count_down("quotes_count", _named(post.quote_id for post in quoting))
    return bool(found)


def _some_counted(actor: Actor, model: type[Model], column: str) -> bool:
    some = model._default_manager.filter(actor_id=actor.pk).order_by("pk").values_list("pk", "post")
    found = dict(some[:AT_ONCE])
    model._default_manager.filter(pk__in=found).delete()
    _count_down(column, Counter(found.values()))
    return bool(found)


def _named(posts: Iterable[int | None]) -> Counter[int]:
    return Counter(post for post in posts if post is not None)


def _count_down(column: str, posts: Counter[int]) -> None:
    for post, times in posts.items():
        Post.objects.filter(pk=post).update(**{column: F(column) - times})
