"""What is held of an account in this room, for the export of the account.

What others did that concerns it and is theirs to tell, whom they block or report, is not in it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import models

from accounts.ports import Part
from activitypub.models import (
    Actor,
    ActorKey,
    Block,
    Bookmark,
    Boost,
    Delivery,
    Edition,
    Follow,
    Hashtag,
    HostBlock,
    Like,
    Mention,
    Mute,
    Notification,
    Pin,
    Post,
    QuoteRequest,
    Report,
    Sent,
    Vote,
)


@dataclass(frozen=True)
class Rows:
    """One file: the rows of a model whose `whose` is the account's id. Each of `columns` becomes a member;
    one that refers to another row is told as what stands behind `__`, which is an address."""

    name: str
    about: str
    model: type[models.Model]
    whose: str
    columns: tuple[str, ...]

    def fields(self) -> set[str]:
        """The model's own fields that are in it."""
        return {column.partition("__")[0] for column in self.columns}

    def part(self, account_id: str) -> Part:
        """The file of one account."""
        return Part(self.name, self.about, self._rows(account_id))

    def _rows(self, account_id: str) -> Iterator[Mapping[str, Any]]:
        names = [column.partition("__")[0] for column in self.columns]
        rows = self.model._default_manager.filter(**{self.whose: account_id}).order_by("pk")
        for values in rows.values_list(*self.columns).iterator():
            yield dict(zip(names, values, strict=True))


ACTOR = (
    *("id", "uri", "username", "type", "url"),
    *("inbox", "shared_inbox", "outbox", "followers", "following", "featured"),
    *("display_name", "summary", "summary_source", "fields", "icon", "image"),
    *("quote_automatic_approval", "quote_manual_approval"),
    *("locked", "discoverable", "indexable", "also_known_as", "moved_to", "moved_at", "published"),
    *("moved_here", "suspended_at"),
)
_POST = (
    *("id", "uri", "url", "type", "visibility", "name", "content", "source", "source_type", "summary"),
    *("sensitive", "language", "attachments", "emoji", "poll", "in_reply_to__uri", "in_reply_to_uri"),
    *("conversation", "quote__uri", "quote_uri", "quote_state", "quote_authorization"),
    *("quote_automatic_approval", "quote_manual_approval", "published", "edited_at"),
    *("received_at", "replies_count", "likes_count", "boosts_count", "quotes_count", "limits"),
)
_EDITION = (
    *("id", "post__uri", "name", "content", "summary", "sensitive", "attachments", "poll", "written_at"),
)
_ACTOR, _FOLLOWER, _FOLLOWEE = "actor__account", "follower__account", "followee__account"

ROWS: tuple[Rows, ...] = (
    Rows(
        "actor-keys",
        "Public halves (DER) of the keys by which the server signs for your actor.",
        ActorKey,
        _ACTOR,
        ("id", "kind", "key_id", "public", "created_at", "retires_at"),
    ),
    Rows(
        "follows",
        "Whom you follow, or asked to.",
        Follow,
        _FOLLOWER,
        ("id", "followee__uri", "state", "uri", "created_at"),
    ),
    Rows(
        "followers",
        "Who follows you, or asked to.",
        Follow,
        _FOLLOWEE,
        ("id", "follower__uri", "state", "uri", "created_at"),
    ),
    Rows("posts", "Your posts. `source` is what you typed.", Post, "author__account", _POST),
    Rows(
        "editions", "What your posts said before you edited them.", Edition, "post__author__account", _EDITION
    ),
    Rows(
        "mentions",
        "Who is named in your posts.",
        Mention,
        "post__author__account",
        ("id", "post__uri", "actor__uri"),
    ),
    Rows("mentioned-in", "Posts in which you are named.", Mention, _ACTOR, ("id", "post__uri")),
    Rows(
        "hashtags", "Hashtags of your posts.", Hashtag, "post__author__account", ("id", "post__uri", "name")
    ),
    Rows(
        "quote-requests",
        "Posts of this server that you have asked to quote.",
        QuoteRequest,
        "asker__account",
        ("id", "post__uri", "uri", "quoting_uri", "state", "stamp", "created_at"),
    ),
    Rows(
        "quoters",
        "Who has asked to quote a post of yours, and what was answered.",
        QuoteRequest,
        "post__author__account",
        ("id", "asker__uri", "post__uri", "uri", "quoting_uri", "state", "stamp", "created_at"),
    ),
    Rows("likes", "What you liked.", Like, _ACTOR, ("id", "post__uri", "emoji", "uri", "created_at")),
    Rows(
        "boosts",
        "What you boosted.",
        Boost,
        _ACTOR,
        ("id", "post__uri", "visibility", "uri", "published", "created_at"),
    ),
    Rows("votes", "What you voted for.", Vote, _ACTOR, ("id", "post__uri", "option", "uri", "created_at")),
    Rows("pins", "Posts that you show first.", Pin, _ACTOR, ("id", "post__uri", "created_at")),
    Rows("bookmarks", "Posts that you have kept.", Bookmark, _ACTOR, ("id", "post__uri", "created_at")),
    Rows("blocks", "Whom you have blocked.", Block, _ACTOR, ("id", "target__uri", "uri", "created_at")),
    Rows(
        "mutes",
        "Whom you have muted.",
        Mute,
        _ACTOR,
        ("id", "target__uri", "notifications", "until", "created_at"),
    ),
    Rows(
        "host-blocks",
        "Servers of which you want to see nothing.",
        HostBlock,
        _ACTOR,
        ("id", "host", "created_at"),
    ),
    Rows(
        "notifications",
        "What you were told of.",
        Notification,
        "recipient__account",
        ("id", "actor__uri", "type", "post__uri", "created_at"),
    ),
    Rows(
        "reports",
        "What you have reported.",
        Report,
        "reporter__account",
        ("id", "target__uri", "post_uris", "comment", "uri", "forwarded", "resolved_at", "created_at"),
    ),
    Rows(
        "sent",
        "Activities of yours, as they went to other servers; `body` is JSON.",
        Sent,
        _ACTOR,
        ("id", "uri", "type", "object_uri", "body", "public", "created_at"),
    ),
    Rows(
        "deliveries",
        "To which inboxes some of them are still on their way.",
        Delivery,
        "activity__actor__account",
        ("id", "activity__uri", "inbox", "host", "attempts", "due_at", "last_error"),
    ),
)


def parts(account_id: str) -> Iterator[Part]:
    """The actor, and of every kind of row those that are the account's."""
    for actor in Actor.objects.filter(account_id=account_id):
        yield Part(
            "actor",
            f"Who you are in the fediverse, as {settings.HVX_ORIGIN} tells other servers.",
            {name: getattr(actor, name) for name in ACTOR},
        )
    for rows in ROWS:
        yield rows.part(account_id)
