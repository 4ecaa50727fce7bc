"""Polls: votes in those of this server and of others, how far they have got, and their ends."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from activitypub import rendering
from activitypub.errors import PollRefusesVote, UnknownPost
from activitypub.fetching.errors import DownForNow, Gone
from activitypub.models import (
    Actor,
    Block,
    Errand,
    ErrandKind,
    LocalActor,
    NotificationType,
    Post,
    RemoteActor,
    Vote,
)
from activitypub.protocol import authority
from activitypub.protocol.documents import objects
from activitypub.protocol.documents.refusals import RefusedDocument
from activitypub.queries.posts import OPEN
from activitypub.services import errands, posts, publishing, sending
from activitypub.services.errands import Found
from activitypub.services.notifications import notify
from activitypub.services.presence import require_active

# Votes are gathered for so long, and then told all at once. Mastodon does the same.
GATHERED_FOR: Final = timedelta(minutes=3)
# After its end a poll of another server has so long to count the last votes, before it is asked for them.
SETTLES_IN: Final = timedelta(minutes=1)
# One that was prolonged is looked at again after this at the earliest, whatever it says of itself.
LOOKED_AT_EVERY: Final = timedelta(minutes=5)
# One that names no end is looked at once after this, if it has not said before that it is over.
WITHOUT_END: Final = timedelta(days=30)
# So often a server that is down is asked: some twenty minutes. Then the end is told without its result.
MOST_ASKED: Final = 5
# People who are told in one transaction, so that nobody waits long.
AT_ONCE: Final = 200


class Reason(StrEnum):
    NO_POLL = "no_poll"
    CLOSED = "poll_closed"
    OWN = "own_poll"
    OPTION = "unknown_option"
    BEFORE = "voted_before"


# --- Votes -------------------------------------------------------------------------------------------


def vote(actor: LocalActor, post: Post, chosen: str) -> Mapping[str, Any]:
    """Vote for the option of this name, in a poll that the actor was found to see. Returns the Create of the
    vote, which its author's server is sent and nobody else.

    A poll of this server is counted at once; of another one its own server says the counts.
    Raises PollRefusesVote, UnknownPost where it was deleted meanwhile, and as `require_active`.
    """
    now = timezone.now()
    with transaction.atomic():
        require_active(actor)
        row = _locked(post)
        made = _keep(actor, row, chosen, sending.new_activity_uri(actor), now)
        document = rendering.vote_document(made, chosen, sending.new_activity_uri(actor))
        if row.author.host:
            sending.send(actor, document, to=[row.author], object_uri=row.uri)
            _look_at_its_end(row, now)
    return document


@transaction.atomic
def take_vote(actor: RemoteActor, post: Post, chosen: str, uri: str, now: datetime) -> None:
    """Count the vote with this id of somebody of another server, in a poll of this one that the actor was
    found to see. Raises PollRefusesVote, UnknownPost where it was deleted meanwhile."""
    _keep(actor, _locked(post), chosen, uri, now)


def is_open(poll: Mapping[str, Any], now: datetime) -> bool:
    """Whether one may still vote in a poll as its row has it."""
    return poll["closed"] is not True and all(at > now for at in _ends(poll))


def _locked(post: Post) -> Post:
    # Locked, so that of two votes at once neither's count is lost.
    row = Post.objects.select_for_update(of=("self",)).select_related("author").filter(pk=post.pk).first()
    if row is None:
        raise UnknownPost
    return row


def _keep(actor: Actor, row: Post, chosen: str, uri: str, now: datetime) -> Vote:
    option, first = _admitted(actor, row, chosen, now)
    # By their keys: an actor may come as one of this server or of another, which are two classes.
    made = Vote(actor_id=actor.pk, post=row, option=option, uri=uri)
    made.save(force_insert=True)
    if not row.author.host:
        _count(row, option, first=first)
        errands.put(ErrandKind.POLL_TOLD, post=row, due_at=now + GATHERED_FOR)
    return made


def _admitted(actor: Actor, row: Post, chosen: str, now: datetime) -> tuple[int, bool]:
    """The option's place, and whether it is the actor's first vote there. Raises PollRefusesVote."""
    poll: dict[str, Any] | None = row.poll
    if poll is None:
        raise PollRefusesVote(Reason.NO_POLL)
    if not is_open(poll, now):
        raise PollRefusesVote(Reason.CLOSED)
    if row.author_id == actor.pk:
        raise PollRefusesVote(Reason.OWN)
    option = next((place for place, one in enumerate(poll["options"]) if one["name"] == chosen), None)
    if option is None:
        raise PollRefusesVote(Reason.OPTION)
    before = set(Vote.objects.filter(post=row, actor_id=actor.pk).values_list("option", flat=True))
    if option in before or (before and not poll["multiple"]):
        raise PollRefusesVote(Reason.BEFORE)
    return option, not before


def _count(row: Post, option: int, *, first: bool) -> None:
    poll: dict[str, Any] = row.poll or {}
    poll["options"][option]["votes"] += 1
    if first:
        poll["voters_count"] = (poll["voters_count"] or 0) + 1
    row.save(update_fields=["poll"])


# --- How far a poll of this server has got -----------------------------------------------------------


def tell(errand: Errand, post: Post, found: Found, now: datetime) -> None:
    """Send the counts of a poll of this server to who follows its author and who has voted. Its end sends
    them by itself."""
    if not post.author.host and post.poll is not None and is_open(post.poll, now):
        _send_counts(post)


def _send_counts(post: Post) -> None:
    author = LocalActor.objects.get(pk=post.author_id)
    if author.account_id is None or author.suspended_at is not None:
        return
    activity = rendering.update_document(post, sending.new_activity_uri(author))
    publishing.send_about(author, post, activity, [*_concerned(post)], public=False)


def _concerned(post: Post) -> Iterable[Actor]:
    """Those of other servers who are named, or have voted, and may still see it: of a poll that is not for
    everybody those who have voted are named, or follow."""
    which = Q(mentioned_in__post=post)
    if post.visibility in OPEN:
        which |= Q(votes__post=post)
    unwanted = Block.objects.filter(actor=post.author_id).values("target")
    return RemoteActor.objects.filter(which).exclude(pk__in=unwanted).distinct().iterator()


# --- Its end -----------------------------------------------------------------------------------------


def asked_at_end(errand: Errand) -> str | None:
    """The address at which another server's poll says how it ended; None for one of this server, and once
    that was asked."""
    if errand.place:
        return None
    elsewhere = Post.objects.filter(errands=errand).exclude(author__host="")
    return elsewhere.values_list("uri", flat=True).first()


def end(errand: Errand, post: Post, found: Found, now: datetime) -> datetime | None:
    """Tell the end of a poll: of one of this server everybody whom it concerns, of another one those here
    who have voted. Raises DownForNow while another server does not say how it ended."""
    if post.poll is None:
        return None
    if not errand.place:
        if post.author.host:
            _read_result(errand, post, found, now)
        if isinstance(found, Gone):
            return None
        if is_open(post.poll, now):
            return _looked_at_again(post.poll, now)
        if not post.author.host:
            _close(post)
    return _tell_voters(errand, post, now)


def heard(post: Post, now: datetime) -> None:
    """A poll of another server says something new: where that is its end, it is told without waiting."""
    if post.poll is not None and not is_open(post.poll, now):
        Errand.objects.filter(post=post, kind=ErrandKind.POLL_ENDED, due_at__gt=now).update(due_at=now)


def _look_at_its_end(post: Post, now: datetime) -> None:
    ends = _ends(post.poll or {})
    due_at = min(ends) + SETTLES_IN if ends else now + WITHOUT_END
    errands.put(ErrandKind.POLL_ENDED, post=post, due_at=due_at)


def _looked_at_again(poll: Mapping[str, Any], now: datetime) -> datetime | None:
    ends = _ends(poll)
    return max(min(ends) + SETTLES_IN, now + LOOKED_AT_EVERY) if ends else None


def _ends(poll: Mapping[str, Any]) -> list[datetime]:
    """When it ends by its own words."""
    return [datetime.fromisoformat(at) for at in (poll["end_time"], poll["closed"]) if isinstance(at, str)]


def _read_result(errand: Errand, post: Post, found: Found, now: datetime) -> None:
    """Let the poll say what its own server says of it now. What is no such document changes nothing."""
    if isinstance(found, DownForNow) and errand.attempts < MOST_ASKED:
        raise found.again()
    if not isinstance(found, Mapping):
        return
    try:
        result = objects.post(found)
    except RefusedDocument:
        return
    foreign = authority.against_fetched(result.id, result.attributed_to, post.uri)
    if foreign is None and post.author.uri in result.attributed_to:
        posts.revise(post, result, now=now)


def _close(post: Post) -> None:
    poll: dict[str, Any] = post.poll or {}
    poll["closed"] = poll["closed"] or poll["end_time"]
    post.save(update_fields=["poll"])
    Errand.objects.filter(post=post, kind=ErrandKind.POLL_TOLD).delete()
    _send_counts(post)
    notify(post.author, post.author, NotificationType.POLL, post)


def _tell_voters(errand: Errand, post: Post, now: datetime) -> datetime | None:
    here = LocalActor.objects.filter(votes__post=post, pk__gt=errand.place, account__isnull=False)
    voters = list(here.distinct().order_by("pk")[: AT_ONCE + 1])
    for voter in voters[:AT_ONCE]:
        notify(voter, post.author, NotificationType.POLL, post)
    if len(voters) <= AT_ONCE:
        return None
    errand.place = voters[AT_ONCE - 1].pk
    return now
