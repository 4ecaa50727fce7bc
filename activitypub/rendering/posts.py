"""Posts of this server, and the activities that carry them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db.models import prefetch_related_objects

from activitypub.models import Actor, Mention, Post, Visibility
from activitypub.post_columns import VISIBILITIES
from activitypub.protocol.visibility import addressed
from activitypub.protocol.webfinger import Handle
from activitypub.queries import replies
from activitypub.queries.posts import WITH_NAMES
from activitypub.rendering.contexts import POST_CONTEXT, STREAMS
from activitypub.rendering.polls import poll_members
from activitypub.rendering.quotes import (
    content,
    policy_document,
    quote_members,
    quote_policy,
    quote_tags,
)
from activitypub.rendering.replies import replies_member

_SEEN_BY = {column: seen_by for seen_by, column in VISIBILITIES.items()}


def post_document(post: Post) -> dict[str, Any]:
    """The post as it is served at its `id`. Whom it mentions is looked up, unless it was before, and so is
    what its author has answered to it."""
    own = replies.own(post) if post.replies_count else ()
    return {"@context": POST_CONTEXT, **_object(post), **replies_member(post, own)}


def create_document(post: Post, uri: str) -> dict[str, Any]:
    """The Create with this id, by which a post comes to others."""
    return _carrying(post, uri, "Create", post.published)


def update_document(post: Post, uri: str) -> dict[str, Any]:
    """The Update with this id, which tells of an edit."""
    return _carrying(post, uri, "Update", post.edited_at or post.published)


def delete_document(post: Post, uri: str) -> dict[str, Any]:
    """The Delete with this id. It names what is gone, and nothing of what it said."""
    to, cc = addresses(post)
    return {
        "@context": STREAMS,
        "id": uri,
        "type": "Delete",
        "actor": post.author.uri,
        "to": to,
        "cc": cc,
        "object": {"id": post.uri, "type": "Tombstone", "formerType": post.type},
    }


def addresses(post: Post) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`to` and `cc`."""
    mentioned = [mention.actor.uri for mention in _mentions(post)]
    return addressed(_SEEN_BY[Visibility(post.visibility)], post.author.followers, mentioned)


def handle_of(actor: Actor) -> Handle:
    """The handle by which people everywhere name an actor."""
    return Handle(actor.username, actor.host or settings.HVX_HOST)


def hashtag_address(name: str) -> str:
    """Where a hashtag leads to."""
    return f"{settings.HVX_ORIGIN}/tags/{quote(name)}"


def moment(at: datetime) -> str:
    """A time as other servers read it, in whole seconds."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _carrying(post: Post, uri: str, kind: str, at: datetime) -> dict[str, Any]:
    carried = _object(post)
    return {
        "@context": POST_CONTEXT,
        "id": uri,
        "type": kind,
        "actor": post.author.uri,
        "published": moment(at),
        "to": carried["to"],
        "cc": carried["cc"],
        "object": carried,
    }


def _object(post: Post) -> dict[str, Any]:
    to, cc = addresses(post)
    text = content(post)
    document: dict[str, Any] = {
        "id": post.uri,
        "type": post.type,
        "attributedTo": post.author.uri,
        "url": post.url,
        "to": to,
        "cc": cc,
        "published": moment(post.published),
        "content": text,
        "sensitive": post.sensitive,
        "context": post.conversation,
        "tag": [*_tags(post)],
        "attachment": [_attachment(one) for one in post.attachments],
        "interactionPolicy": policy_document(quote_policy(post)),
    }
    document |= poll_members(post.poll) | quote_members(post) | replies_member(post)
    if post.name:
        document["name"] = post.name
    if post.summary:
        # A content warning. Nearly all servers take it for plain text, whatever the vocabulary says.
        document["summary"] = unescape(post.summary)
    if post.language:
        document["contentMap"] = {post.language: text}
    if post.source:
        document["source"] = {"content": post.source, "mediaType": post.source_type}
    if post.in_reply_to_uri:
        document["inReplyTo"] = post.in_reply_to_uri
    if post.edited_at is not None:
        document["updated"] = moment(post.edited_at)
    return document


def _mentions(post: Post) -> list[Mention]:
    prefetch_related_objects([post], *WITH_NAMES)
    return list(post.mentions.all())


def _tags(post: Post) -> Iterator[Mapping[str, Any]]:
    for mention in _mentions(post):
        yield {"type": "Mention", "href": mention.actor.uri, "name": f"@{handle_of(mention.actor)}"}
    for tag in post.hashtags.all():
        yield {"type": "Hashtag", "href": hashtag_address(tag.name), "name": f"#{tag.name}"}
    yield from quote_tags(post)


def _attachment(kept: Mapping[str, Any]) -> dict[str, Any]:
    document = {
        "type": kept["type"],
        "url": kept["url"],
        "mediaType": kept["media_type"],
        "name": kept["description"],
        "width": kept["width"],
        "height": kept["height"],
        "blurhash": kept["blurhash"],
        "focalPoint": kept["focal_point"],
    }
    return {name: value for name, value in document.items() if value is not None}
