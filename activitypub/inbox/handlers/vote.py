"""A vote: a Note that is nothing but the name of an option (sent as a Create)."""

from datetime import datetime
from typing import Any

from activitypub.inbox.context import Context, NoEffect, is_local
from activitypub.models import Post, Vote
from activitypub.protocol import authority
from activitypub.protocol.documents import objects


def is_ours(post: objects.Post) -> bool:
    """Whether it answers a post of this server. A Note with a name is otherwise a post like any other."""
    return post.in_reply_to is not None and is_local(post.in_reply_to)


def cast(context: Context, post: objects.Post) -> None:
    """Count it. Raises NoEffect where there is nothing to choose, not any more, or not so."""
    if post.attributed_to and context.actor.uri not in post.attributed_to:
        raise NoEffect(authority.Reason.OBJECT_OF_ANOTHER)
    # Locked, so that of two votes at once neither's count is lost.
    question = Post.objects.select_for_update().filter(uri=post.in_reply_to).first()
    poll: dict[str, Any] | None = question.poll if question else None
    if question is None or poll is None:
        raise NoEffect("unknown_poll")
    if not _is_open(poll, context.now):
        raise NoEffect("poll_closed")
    if question.author_id == context.actor.pk:
        raise NoEffect("own_poll")
    chosen = post.name.value if post.name else ""
    option = next((place for place, one in enumerate(poll["options"]) if one["name"] == chosen), None)
    if option is None:
        raise NoEffect("unknown_option")
    before = set(
        Vote.objects.filter(post=question, actor=context.actor).values_list("option", flat=True)[:100]
    )
    if option in before or (before and not poll["multiple"]):
        raise NoEffect("voted_before")
    Vote.objects.create(actor=context.actor, post=question, option=option, uri=post.id)
    poll["options"][option]["votes"] += 1
    if not before:
        poll["voters_count"] = (poll["voters_count"] or 0) + 1
    question.save(update_fields=["poll"])


def _is_open(poll: dict[str, Any], now: datetime) -> bool:
    ends = [datetime.fromisoformat(at) for at in (poll["end_time"], poll["closed"]) if isinstance(at, str)]
    return poll["closed"] is not True and all(at > now for at in ends)
