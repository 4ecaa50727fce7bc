"""Posts as rows: made, changed and ended. Of this server and of others alike."""

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from activitypub import post_columns
from activitypub.ids import new_id
from activitypub.models import Actor, Deleted, Edition, Hashtag, Mention, NotificationType, Post
from activitypub.protocol import snowflakes
from activitypub.protocol.documents import objects
from activitypub.protocol.documents.shapes import PUBLIC
from activitypub.queries.hosts import without_media_among
from activitypub.queries.posts import OPEN
from activitypub.queries.prepared import Exists
from activitypub.services import quotes
from activitypub.services.notifications import notify

# Deliveries are tried for two days. What is older when it comes was fetched, as a part of a conversation.
NEWS_FOR = timedelta(days=3)
# Whoever names more people than this does not mean each of them.
MAX_MENTIONS = 100


_is_known = Exists(lambda uri: Post.objects.filter(uri=uri))
_was_deleted = Exists(lambda uri: Deleted.objects.filter(uri=uri, by=None))
_was_deleted_by = Exists(lambda uri, by: Deleted.objects.filter(Q(by=None) | Q(by=by), uri=uri))
_is_awaited = Exists(
    lambda uri: Post.objects.filter(Q(in_reply_to_uri=uri, in_reply_to=None) | Q(quote_uri=uri, quote=None))
)


def is_known(uri: str) -> bool:
    """Whether there is a post with this id."""
    return _is_known(uri)


def known(uri: str) -> Post | None:
    """The post with this id, its author with it."""
    return Post.objects.select_related("author").filter(uri=uri).first()


def was_deleted(uri: str, author: Actor | None = None) -> bool:
    """Whether an object, or an activity, with this id has ended: it does not come back. Of what never was
    here only its author can have said so."""
    return _was_deleted(uri) if author is None else _was_deleted_by(uri, author.pk)


@transaction.atomic(savepoint=False)
def store(
    post: objects.Post,
    author: Actor,
    *,
    now: datetime,
    quote_authorization: str = "",
    source: str = "",
    source_type: str = "",
) -> Post:
    """Keep a post of which nothing is kept yet, and tell the local people whom it names.

    Whoever calls has seen to it that it is the author's. `quote_authorization` is the stamp's address, where
    it was verified; without one only the author's own is quoted. What answers or quotes it and came before it
    is joined to it.
    """
    published = min(post.published or now, now)
    parent = known(post.in_reply_to) if post.in_reply_to else None
    quoted = known(post.quote.uri) if post.quote else None
    row = Post.objects.create(
        id=place(published, now),
        uri=post.id,
        author=author,
        visibility=post_columns.visibility_of(post, author),
        in_reply_to=parent,
        in_reply_to_uri=post_columns.address(post.in_reply_to),
        conversation=_conversation(post, parent),
        quote=quoted,
        quote_uri=post_columns.address(post.quote.uri if post.quote else None),
        quote_state=quotes.first_state(author, quoted, quote_authorization) if post.quote else "",
        quote_authorization=quote_authorization,
        published=published,
        source=source,
        source_type=source_type,
        **_about(post, author),
        **_content(post, author),
    )
    if parent is not None and is_open(row):
        _count_replies(parent.pk, 1)
    quotes.count(row)
    _adopt(row)
    _keep_hashtags(row, post)
    named = _keep_mentions(row, post, author, before=())
    if now - published > NEWS_FOR:
        return row
    for actor in named:
        notify(actor, author, NotificationType.MENTION, row)
    quotes.tell(row)
    return row


@transaction.atomic(savepoint=False)
def revise(row: Post, post: objects.Post, *, now: datetime) -> bool:
    """Let the row say what its document says now, and keep what it said before; whether that is different.

    New counts of a poll are no edit.
    """
    content = _content(post, row.author)
    changed = {name for name, value in content.items() if getattr(row, name) != value}
    if changed == {"poll"} and _same_poll(row.poll, content["poll"]):
        row.poll = content["poll"]
        row.save(update_fields=["poll"])
        return True
    about = _about(post, row.author)
    if not changed and all(getattr(row, name) == value for name, value in about.items()):
        return False
    if changed:
        keep_edition(row)
        row.edited_at = min(post.updated or now, now)
    for name, value in (content | about).items():
        setattr(row, name, value)
    # Its counters, and what it quotes, are changed by others meanwhile.
    row.save(update_fields=[*content, *about, "edited_at"])
    row.hashtags.all().delete()
    _keep_hashtags(row, post)
    before = set(row.mentions.values_list("actor_id", flat=True))
    for actor in _keep_mentions(row, post, row.author, before):
        notify(actor, row.author, NotificationType.MENTION, row)
    return True


@transaction.atomic(savepoint=False)
def delete(row: Post, *, now: datetime) -> None:
    """End a post for good: what is left is that it was there."""
    forget(row.uri, row.type)
    if row.in_reply_to_id is not None and is_open(row):
        _count_replies(row.in_reply_to_id, -1)
    quotes.end(row)
    row.delete()


def forget(uri: str, former_type: str = "", by: Actor | None = None) -> None:
    """Remember of an id that what it names has ended. `by` is who says so of what is not here: it holds for
    that actor's own."""
    Deleted.objects.bulk_create([Deleted(uri=uri, former_type=former_type, by=by)], ignore_conflicts=True)


def place(published: datetime, now: datetime) -> int:
    """An id by which the post stands where it was written, however late it came."""
    if (now - published).total_seconds() < 60:
        return new_id()
    at = max(published, snowflakes.EPOCH)
    # Most servers tell whole seconds, and what is older than the ids' own time has one moment: those would
    # share a millisecond, and two of some thousands the id.
    spread = 86_400_000 if at == snowflakes.EPOCH else 1000 if at.microsecond == 0 else 1
    at += timedelta(milliseconds=secrets.randbelow(spread))
    return snowflakes.snowflake(at, secrets.randbits(snowflakes.LOW_BITS))


def _content(post: objects.Post, author: Actor) -> dict[str, Any]:
    return _without_media(post_columns.content(post), "attachments", author)


def _about(post: objects.Post, author: Actor) -> dict[str, Any]:
    return _without_media(post_columns.about(post, author), "emoji", author)


def _without_media(columns: dict[str, Any], media: str, author: Actor) -> dict[str, Any]:
    """Of some hosts the words alone are kept."""
    if columns[media] and author.host and without_media_among({author.host}):
        columns[media] = []
    return columns


def _conversation(post: objects.Post, parent: Post | None) -> str:
    return post_columns.address(post.context) or (parent.conversation if parent else "") or post.id


def _adopt(row: Post) -> None:
    """Join the replies and quotes that came before it."""
    if not _is_awaited(row.uri):
        return
    quotes.adopt(row)
    came_before = Post.objects.filter(in_reply_to_uri=row.uri, in_reply_to=None)
    _count_replies(row.pk, came_before.filter(visibility__in=OPEN).update(in_reply_to=row))
    came_before.exclude(visibility__in=OPEN).update(in_reply_to=row)


def _count_replies(parent: int, more: int) -> None:
    Post.objects.filter(pk=parent).update(replies_count=F("replies_count") + more)


def _keep_hashtags(row: Post, post: objects.Post) -> None:
    names = {tag.name.casefold()[:255] for tag in post.tags.hashtags}
    if names:
        Hashtag.objects.bulk_create(Hashtag(post=row, name=name) for name in sorted(names))


def _keep_mentions(
    row: Post, post: objects.Post, author: Actor, before: Collection[int]
) -> Collection[Actor]:
    """Let those see it whom it names, beside those who did `before`; return who is named for the first time
    in its text.

    Who is addressed without being named may see it and is not told, as elsewhere.
    """
    named = [mention.href for mention in post.tags.mentions][:MAX_MENTIONS]
    silent = [uri for uri in (*post.to, *post.cc) if uri not in named and uri != PUBLIC][:MAX_MENTIONS]
    found = Actor.objects.filter(uri__in=[*named, *silent]).only("uri", "host", "username")
    actors = [actor for actor in found if actor.pk != author.pk]
    fresh = [actor for actor in actors if actor.pk not in before]
    if fresh:
        Mention.objects.bulk_create(Mention(post=row, actor=actor) for actor in fresh)
    return [actor for actor in fresh if actor.uri in named]


def keep_edition(row: Post) -> None:
    """Keep what the row says, before that is changed."""
    Edition.objects.create(
        post=row,
        name=row.name,
        content=row.content,
        summary=row.summary,
        sensitive=row.sensitive,
        attachments=row.attachments,
        poll=row.poll,
        written_at=row.edited_at or row.published,
    )


def _same_poll(one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
    def asked(poll: dict[str, Any]) -> tuple[Any, ...]:
        return poll["multiple"], [option["name"] for option in poll["options"]]

    return one is not None and other is not None and asked(one) == asked(other)


def is_open(row: Post) -> bool:
    """Whether anybody may see and boost it."""
    return row.visibility in OPEN
