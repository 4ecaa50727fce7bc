"""Who may see a post, as `to` and `cc` say it, and the other way round."""

from collections.abc import Collection, Sequence
from enum import StrEnum

from activitypub.protocol.documents.shapes import PUBLIC


class Visibility(StrEnum):
    PUBLIC = "public"
    UNLISTED = "unlisted"
    FOLLOWERS = "followers"
    DIRECT = "direct"


def visibility(to: Collection[str], cc: Collection[str], followers: str | None) -> Visibility:
    """Return who may see what is addressed so, where `followers` is the author's collection.

    What is addressed to nobody, or to a collection that is not the author's own, is for those named alone.
    """
    if PUBLIC in to:
        return Visibility.PUBLIC
    if PUBLIC in cc:
        return Visibility.UNLISTED
    if followers is not None and (followers in to or followers in cc):
        return Visibility.FOLLOWERS
    return Visibility.DIRECT


def addressed(
    seen_by: Visibility, followers: str, mentioned: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return `to` and `cc` of a post, so that every server reads this visibility from it."""
    match seen_by:
        case Visibility.PUBLIC:
            return (PUBLIC,), (followers, *mentioned)
        case Visibility.UNLISTED:
            return (followers,), (PUBLIC, *mentioned)
        case Visibility.FOLLOWERS:
            return (followers,), tuple(mentioned)
        case Visibility.DIRECT:
            return tuple(mentioned), ()
