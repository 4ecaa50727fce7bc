"""A post's document as the columns of its row: texts cleaned, lists as plain JSON, everything bounded."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final, Literal

from activitypub import cleaning
from activitypub.models import Actor, QuotableBy, Visibility
from activitypub.protocol import visibility as addressing
from activitypub.protocol.documents.activities import Activity
from activitypub.protocol.documents.objects import Attachment, Post
from activitypub.protocol.documents.polls import Poll
from activitypub.protocol.documents.shapes import PUBLIC, Link, Text
from activitypub.protocol.documents.tags import Emoji

MAX_NAME: Final = 2000
MAX_MEDIA: Final = 16

# Where the two vocabularies differ: Mastodon's clients call `private` what only followers see.
VISIBILITIES: Final[Mapping[addressing.Visibility, Visibility]] = {
    addressing.Visibility.PUBLIC: Visibility.PUBLIC,
    addressing.Visibility.UNLISTED: Visibility.UNLISTED,
    addressing.Visibility.FOLLOWERS: Visibility.PRIVATE,
    addressing.Visibility.DIRECT: Visibility.DIRECT,
}
_HTML: Final = frozenset({None, "text/html"})
# Of a Video, an Audio or an Image the files stand in `url`, beside its page.
_FILES: Final = ("audio/", "video/", "image/")
_FILE_TYPES: Final = frozenset({"Audio", "Image", "Video"})


def visibility_of(post: Post | Activity, author: Actor) -> Visibility:
    """Who may see it."""
    return VISIBILITIES[addressing.visibility(post.to, post.cc, author.followers or None)]


def content(post: Post) -> dict[str, Any]:
    """What an edit can change and an Edition keeps."""
    return {
        "name": cleaning.as_text(_value(post.name))[:MAX_NAME],
        "content": _html(_value(post.content), post.media_type),
        "summary": cleaning.clean(_value(post.summary)),
        "sensitive": post.sensitive,
        "attachments": [*map(_attachment, post.attachments), *_files(post)],
        "poll": poll(post.poll),
    }


def about(post: Post, author: Actor) -> dict[str, Any]:
    """What else its document says of it, and says anew with each edit."""
    policy = post.quote_policy
    return {
        "type": post.type,
        "url": address(post.page) or post.id,
        "language": (post.language or "")[:35],
        "emoji": [_emoji(emoji) for emoji in post.tags.emoji],
        "quote_automatic_approval": quotable_by(policy.automatic, author) if policy else "",
        "quote_manual_approval": quotable_by(policy.manual, author) if policy else "",
        "limits": {str(interaction): [*names] for interaction, names in post.limits.items()} or None,
    }


def quotable_by(names: Collection[str], author: Actor) -> QuotableBy | Literal[""]:
    """Whom a part of a quote policy names (FEP-044f); empty if it names others than these, or more."""
    if PUBLIC in names:
        return QuotableBy.PUBLIC
    others = set(names) - {author.uri}
    if not others:
        return QuotableBy.NOBODY
    return QuotableBy.FOLLOWERS if others == {author.followers} else ""


def poll(found: Poll | None) -> dict[str, Any] | None:
    """A poll as its row keeps it. `closed` is a time, or true where only that is known.

    The names of options are plain text, and kept as they came: a vote says the same again.
    """
    if found is None:
        return None
    return {
        "options": [{"name": option.name[:MAX_NAME], "votes": option.votes or 0} for option in found.options],
        "multiple": found.multiple,
        "end_time": _moment(found.end_time),
        "closed": _moment(found.closed) or (True if found.is_closed else None),
        "voters_count": found.voters_count,
    }


def address(uri: str | None) -> str:
    """An address that a column can hold; what is written in another alphabet is left out."""
    return uri if uri and uri.isascii() else ""


def _html(text: str, media_type: str | None) -> str:
    # What claims another type is shown as it was typed.
    return cleaning.clean(text) if media_type in _HTML else cleaning.from_plain(text)


def _attachment(found: Attachment) -> dict[str, Any]:
    return {
        "type": found.type,
        **_link(found.link),
        "description": found.description,
        "blurhash": found.blurhash,
        "focal_point": list(found.focal_point) if found.focal_point else None,
        "duration": found.duration,
    }


def _files(post: Post) -> list[dict[str, Any]]:
    if post.type not in _FILE_TYPES:
        return []
    files = [link for link in post.links if (link.media_type or "").startswith(_FILES)][:MAX_MEDIA]
    return [
        {
            "type": post.type,
            **_link(link),
            "description": None,
            "blurhash": None,
            "focal_point": None,
            "duration": post.duration,
        }
        for link in files
    ]


def _link(link: Link) -> dict[str, Any]:
    return {"url": link.href, "media_type": link.media_type, "width": link.width, "height": link.height}


def _emoji(emoji: Emoji) -> dict[str, Any]:
    return {"shortcode": emoji.shortcode, "url": emoji.icon.href, "media_type": emoji.icon.media_type}


def _value(text: Text | None) -> str:
    return text.value if text else ""


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
