"""A vote: a Note that is nothing but the name of an option (sent as a Create)."""

from activitypub.errors import PollRefusesVote, UnknownPost
from activitypub.inbox.context import Context, NoEffect, is_local
from activitypub.protocol import authority
from activitypub.protocol.documents import objects
from activitypub.queries.posts import seen
from activitypub.services import polls


def is_ours(post: objects.Post) -> bool:
    """Whether it answers a post of this server. A Note with a name is otherwise a post like any other."""
    return post.in_reply_to is not None and is_local(post.in_reply_to)


def cast(context: Context, post: objects.Post) -> None:
    """Count it. Raises NoEffect where there is nothing to choose, not for the voter, not any more, or not
    so."""
    if post.attributed_to and context.actor.uri not in post.attributed_to:
        raise NoEffect(authority.Reason.OBJECT_OF_ANOTHER)
    chosen = post.name.value if post.name else ""
    try:
        question = seen(context.actor, post.in_reply_to or "")
        if question.poll is None:
            raise UnknownPost
        polls.take_vote(context.actor, question, chosen, post.id, context.now)
    except UnknownPost:
        # Alike for what there is not and what is not for them.
        raise NoEffect("unknown_poll") from None
    except PollRefusesVote as error:
        raise NoEffect(error.reason) from None
