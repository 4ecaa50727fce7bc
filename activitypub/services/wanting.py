"""Posts that a conversation lacks here: wanted, taken by one worker, and had or given up.

Bounded in every direction: whoever makes us want posts makes us ask servers of their choice.
"""

import random
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import transaction

from activitypub.ids import new_id
from activitypub.models import Post, Wanted
from activitypub.models.actors import MAX_URI
from activitypub.protocol.retry import delay
from activitypub.protocol.uris import origin_of
from activitypub.services import taking
from activitypub.services.posts import is_known
from activitypub.turns import turn

# Upwards from a post so many, and of each that was fetched so many of its replies.
STEPS: Final = 10
REPLIES: Final = 10
# So many wait at a time; more that are wanted are not fetched.
MOST: Final = 2048
MOST_OF_HOST: Final = 64
MOST_OF_THREAD: Final = 40
# In half an hour or so; it is a help and owed to nobody.
MOST_ATTEMPTS: Final = 6
# Nobody else takes what one has taken for so long. By then it was fetched, with its author and its replies.
LEASE: Final = timedelta(minutes=3)


def want(uri: str, now: datetime) -> None:
    """Have the post at this address fetched, and what it answers, in the caller's transaction."""
    id_ = new_id()
    _put([_row(uri, thread=id_, steps=STEPS, now=now, id_=id_)])


def take(most: int, now: datetime, *, busy: Collection[str] = ()) -> list[Wanted]:
    """Take so many that are due, the longest due first: one of each host, none of those that are `busy`."""
    return taking.take(Wanted.objects.filter(due_at__lte=now), most, busy, partial(_begin, now))


def had(wanted: Wanted, post: Post, replies: Iterable[str], now: datetime) -> None:
    """The post is kept; go on with what it answers and with these replies. Twice does no harm."""
    with turn(), transaction.atomic():
        if not Wanted.objects.filter(pk=wanted.pk).delete()[0] or not wanted.steps:
            return
        rows = []
        if wanted.steps > 1 and post.in_reply_to_id is None and post.in_reply_to_uri:
            rows.append(_row(post.in_reply_to_uri, thread=wanted.thread, steps=wanted.steps - 1, now=now))
        rows += [_row(uri, thread=wanted.thread, steps=0, now=now) for uri in list(replies)[:REPLIES]]
        _put(rows)


def put_off(wanted: Wanted, now: datetime) -> None:
    """It is not to be had for now: later, or no more."""
    wait = delay(wanted.attempts, random.random())  # noqa: S311 - spreads attempts, hides nothing
    if wait is None or wanted.attempts >= MOST_ATTEMPTS:
        give_up(wanted)
        return
    with turn():
        Wanted.objects.filter(pk=wanted.pk).update(due_at=now + wait)


def give_up(wanted: Wanted) -> None:
    """It is not to be had."""
    with turn():
        Wanted.objects.filter(pk=wanted.pk).delete()


def _begin(now: datetime, wanted: Wanted) -> bool:
    if wanted.attempts >= MOST_ATTEMPTS:
        # Whatever took it died of it, or failed by a fault of ours.
        return False
    wanted.attempts += 1
    wanted.due_at = now + LEASE
    return True


def _row(uri: str, *, thread: int, steps: int, now: datetime, id_: int | None = None) -> Wanted:
    origin = origin_of(uri)
    return Wanted(
        id=id_ or new_id(),
        uri=uri,
        host=origin.authority if origin else "",
        thread=thread,
        steps=steps,
        due_at=now,
    )


def _put(rows: Iterable[Wanted]) -> None:
    """Those that are not kept and for which there is room. One that waits already waits on."""
    wanted = [row for row in rows if row.host and len(row.uri) <= MAX_URI and not is_known(row.uri)]
    if not wanted:
        return
    room = min(
        # By their ids: no more than MOST are ever counted, and no table is gone through.
        MOST - Wanted.objects.filter(pk__gt=0).count(),
        MOST_OF_THREAD - Wanted.objects.filter(thread=wanted[0].thread).count(),
    )
    of_host: dict[str, int] = {}
    fitting = []
    for row in wanted[: max(room, 0)]:
        if row.host not in of_host:
            of_host[row.host] = Wanted.objects.filter(host=row.host).count()
        if of_host[row.host] < MOST_OF_HOST:
            of_host[row.host] += 1
            fitting.append(row)
    Wanted.objects.bulk_create(fitting, ignore_conflicts=True)
    for row in fitting:
        if row.steps:
            # It may wait as somebody's reply.
            Wanted.objects.filter(uri=row.uri, steps__lt=row.steps).update(steps=row.steps)
