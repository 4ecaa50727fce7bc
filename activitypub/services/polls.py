"""Votes of people of this server, in polls of any."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils import timezone

from activitypub import rendering
from activitypub.errors import PollRefusesVote, UnknownPost
from activitypub.models import LocalActor, Post, Vote
from activitypub.services import sending
from activitypub.services.presence import require_here


class Reason(StrEnum):
    NO_POLL = "no_poll"
    CLOSED = "poll_closed"
    OWN = "own_poll"
    OPTION = "unknown_option"
    BEFORE = "voted_before"


def vote(actor: LocalActor, post: Post, chosen: str) -> Mapping[str, Any]:
    """Vote for the option of this name, in a poll that the actor was found to see. Returns the Create of the
    vote, which its author's server is sent and nobody else.

    A poll of this server is counted at once; of another one its own server says the counts.
    Raises PollRefusesVote, UnknownPost where it was deleted meanwhile, UnknownActor.
    """
    with transaction.atomic():
        require_here(actor)
        # Locked, so that of two votes at once neither's count is lost.
        question = Post.objects.select_for_update(of=("self",)).select_related("author").filter(pk=post.pk)
        row = question.first()
        if row is None:
            raise UnknownPost
        option, first = _admitted(actor, row, chosen)
        made = Vote(actor=actor, post=row, option=option, uri=sending.new_activity_uri(actor))
        made.save(force_insert=True)
        document = rendering.vote_document(made, chosen, sending.new_activity_uri(actor))
        if row.author.host:
            sending.send(actor, document, to=[row.author], object_uri=row.uri)
        else:
            _count(row, option, first=first)
    return document


def _admitted(actor: LocalActor, row: Post, chosen: str) -> tuple[int, bool]:
    """The option's place, and whether it is the actor's first vote there. Raises PollRefusesVote."""
    poll: dict[str, Any] | None = row.poll
    if poll is None:
        raise PollRefusesVote(Reason.NO_POLL)
    if not is_open(poll, timezone.now()):
        raise PollRefusesVote(Reason.CLOSED)
    if row.author_id == actor.pk:
        raise PollRefusesVote(Reason.OWN)
    option = next((place for place, one in enumerate(poll["options"]) if one["name"] == chosen), None)
    if option is None:
        raise PollRefusesVote(Reason.OPTION)
    before = set(Vote.objects.filter(post=row, actor=actor).values_list("option", flat=True))
    if option in before or (before and not poll["multiple"]):
        raise PollRefusesVote(Reason.BEFORE)
    return option, not before


def _count(row: Post, option: int, *, first: bool) -> None:
    poll: dict[str, Any] = row.poll or {}
    poll["options"][option]["votes"] += 1
    if first:
        poll["voters_count"] = (poll["voters_count"] or 0) + 1
    row.save(update_fields=["poll"])


def is_open(poll: Mapping[str, Any], now: datetime) -> bool:
    """Whether one may still vote in a poll as its row has it."""
    ends = [datetime.fromisoformat(at) for at in (poll["end_time"], poll["closed"]) if isinstance(at, str)]
    return poll["closed"] is not True and all(at > now for at in ends)
