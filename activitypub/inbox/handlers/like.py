"""Like and EmojiReact: somebody likes a post, or reacts to it with an emoji."""

from activitypub.errors import UnknownPost
from activitypub.inbox.context import Context, NoEffect
from activitypub.protocol import authority
from activitypub.protocol.documents.activities import Activity
from activitypub.queries.posts import seen
from activitypub.services import likes


def handle(context: Context, activity: Activity) -> None:
    if activity.id is None or not activity.id.isascii():
        raise NoEffect(authority.Reason.ID_MISSING)
    emoji = reaction(activity)
    try:
        # Whoever may not see a post cannot like it, nor learn so that it is there.
        post = seen(context.actor, activity.object.id or "")
    except UnknownPost:
        raise NoEffect("unknown_object") from None
    if not likes.store(post, context.actor, uri=activity.id, emoji=emoji):
        raise NoEffect("known")


def reaction(activity: Activity) -> str:
    """What it reacts with; empty for a like. Misskey sends a Like that has a `content`. Raises NoEffect for
    an EmojiReact with none, or with a text."""
    emoji = emoji_in(activity.content)
    if activity.type != "Like" and not emoji:
        raise NoEffect("unsupported_reaction")
    return emoji


def emoji_in(content: str | None) -> str:
    """The one word that a reaction has; empty where it has none, or a text."""
    emoji = content or ""
    fits = len(emoji) <= likes.MAX_EMOJI and not any(sign.isspace() for sign in emoji)
    return emoji if fits else ""
