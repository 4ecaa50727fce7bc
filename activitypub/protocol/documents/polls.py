"""Polls: a Question's options, and how far they have got."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument

# No server lets its own people give more than 20. Half of a poll's options would be another poll.
MAX_OPTIONS: Final = 100


@dataclass(frozen=True, slots=True)
class Option:
    """One answer, and how many votes its server counts for it, if it says."""

    name: str
    votes: int | None


@dataclass(frozen=True, slots=True)
class Poll:
    """`multiple` if one may choose several. `closed` is when it ended, which a server may write before it
    does; `is_closed` that it said so without a time."""

    options: tuple[Option, ...]
    multiple: bool
    end_time: datetime | None
    closed: datetime | None
    is_closed: bool
    voters_count: int | None


def poll(document: Document) -> Poll | None:
    """Return the poll of a Question, or None if it has no options. RefusedDocument for over 100 of them."""
    for name in ("oneOf", "anyOf"):
        values = shapes.many(document.get(name))
        if len(values) > MAX_OPTIONS:
            raise RefusedDocument(Refusal.TOO_MANY_OPTIONS)
        options = tuple(option for value in values if (option := _option(value)))
        if options:
            closed = shapes.one(document.get("closed"))
            return Poll(
                options=options,
                multiple=name == "anyOf",
                end_time=shapes.moment(document.get("endTime")),
                closed=shapes.moment(closed),
                is_closed=closed is True,
                voters_count=shapes.count(document.get("votersCount")),
            )
    return None


def _option(value: Any) -> Option | None:
    if not isinstance(value, dict):
        return None
    name = shapes.text(value, "name")
    replies = shapes.mapping(value.get("replies"))
    return None if name is None else Option(name.value, shapes.count(replies.get("totalItems")))
