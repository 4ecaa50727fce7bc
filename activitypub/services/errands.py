"""What is due by the clock: put down, taken by one worker, and done."""

import logging
import random
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.db import transaction

from activitypub.conflicts import CONFLICTS, is_of_two
from activitypub.fetching.errors import NotFetched
from activitypub.models import Actor, Errand, ErrandKind, Post
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.retry import delay
from activitypub.services import taking
from activitypub.turns import turn

log = logging.getLogger("activitypub.errands")

# Nobody else takes what one has taken for so long: a fetch and a transaction are over by then.
LEASE: Final = timedelta(minutes=2)

# What stands at the address that an errand asks for, or why it was not had; None where it asks for none.
Found = Document | NotFetched | None
# Does a part of an errand, or all of it, about its post or actor, which is locked: returns when it is due
# again, None where it is done. What DownForNow leaves undone is done later.
Does = Callable[[Errand, Any, Found, datetime], datetime | None]


def put(
    kind: ErrandKind,
    *,
    post: Post | None = None,
    actor: Actor | None = None,
    due_at: datetime,
    place: int = 0,
) -> None:
    """Have this done at that time, in the caller's transaction. What is put down already stays as it is."""
    errand = Errand(
        kind=kind,
        post_id=post.pk if post is not None else None,
        actor_id=actor.pk if actor is not None else None,
        host=_host_of(post, actor),
        due_at=due_at,
        place=place,
    )
    Errand.objects.bulk_create([errand], ignore_conflicts=True)


def take(
    most: int, now: datetime, *, busy: Collection[str] = (), elsewhere: bool | None = None
) -> list[Errand]:
    """Take so many errands that are due, the longest due first: of each host that is asked one, and none of
    those that are `busy`. One that was begun too often goes. `elsewhere` is whether they are about other
    servers; None for both."""
    due = Errand.objects.filter(due_at__lte=now)
    if elsewhere is not None:
        due = due.exclude(host="") if elsewhere else due.filter(host="")
    return taking.take(due, most, busy, partial(_begin, now))


def do(errand: Errand, does: Does, found: Found, now: datetime) -> None:
    """Do what was taken, in one transaction with writing down that it is done. Twice does no harm."""
    try:
        _do(errand, does, found, now)
    except CONFLICTS as error:
        if not is_of_two(error):
            raise
        # Another has just written what this was not to miss, as a Delete by an actor that is being erased.
        _do(errand, does, found, now)


def _do(errand: Errand, does: Does, found: Found, now: datetime) -> None:
    with turn(), transaction.atomic():
        # What it is about first, as everybody locks it who deletes it, and the errand with it.
        subject = _locked(errand)
        row = Errand.objects.select_for_update().filter(pk=errand.pk).first()
        if subject is None or row is None:
            return
        again = does(row, subject, found, now)
        if again is None:
            row.delete()
        else:
            row.due_at, row.attempts = again, 0
            row.save()


def _host_of(post: Post | None, actor: Actor | None) -> str:
    about = post.author if post is not None else actor
    return about.host if about is not None else ""


def _begin(now: datetime, errand: Errand) -> bool:
    errand.attempts += 1
    wait = delay(errand.attempts, random.random())  # noqa: S311 - spreads attempts, hides nothing
    if wait is None:
        log.error("an errand is given up", extra={"fields": {"kind": errand.kind, "id": errand.pk}})
        return False
    errand.due_at = now + max(wait, LEASE)
    return True


def _locked(errand: Errand) -> Post | Actor | None:
    if errand.post_id is not None:
        return Post.objects.select_for_update(no_key=True).filter(pk=errand.post_id).first()
    if errand.actor_id is None:
        return None
    # Others may refer to it meanwhile: nobody who likes or follows waits.
    return Actor.objects.select_for_update(no_key=True).filter(pk=errand.actor_id).first()
