"""What moderators do with single posts."""

from django.db import transaction
from django.utils import timezone

from activitypub.errors import UnknownPost
from activitypub.models import Actor, LocalActor, Post
from activitypub.services import editing, posts
from audit.events import Event
from audit.services import record


@transaction.atomic
def remove(post: Post) -> None:
    """End a post for good: one of ours wherever it is known, another server's here. Raises UnknownPost."""
    author = post.author
    if author.host:
        row = Post.objects.select_for_update().filter(pk=post.pk).first()
        if row is None:
            raise UnknownPost
        posts.delete(row, now=timezone.now())
    else:
        editing.end_post(LocalActor.objects.get(pk=author.pk), post)
    record(Event.POST_REMOVED, account=_account(author), subject=post.uri)


@transaction.atomic
def mark_sensitive(post: Post, sensitive: bool) -> bool:
    """Put a warning before a post, or take it away; whether that is new. Raises UnknownPost."""
    if not editing.mark_sensitive(post, sensitive):
        return False
    record(
        Event.POST_MARKED,
        account=_account(post.author),
        subject=post.uri,
        details={"sensitive": sensitive},
    )
    return True


def _account(actor: Actor) -> str | None:
    return None if actor.account_id is None else str(actor.account_id)
