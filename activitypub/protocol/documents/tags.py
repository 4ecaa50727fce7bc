"""What stands in `tag`: mentions, hashtags, custom emoji, and links to other objects (FEP-e232)."""

import re
from dataclasses import dataclass
from typing import Any, Final

from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.shapes import Link
from activitypub.protocol.media_types import is_activitypub

# More than any document of a person has; the rest is not read.
MAX_TAGS: Final = 512
MAX_HASHTAG_CHARACTERS: Final = 255

# It is looked for in texts, between colons; Misskey's may name a host.
_SHORTCODE = re.compile(r"[\w.@+-]{1,128}")


@dataclass(frozen=True, slots=True)
class Mention:
    """An actor that is named. `name` is what the author's server shows, and says nothing of who it is."""

    href: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Hashtag:
    """A word without its `#`, as it was written."""

    name: str
    href: str | None


@dataclass(frozen=True, slots=True)
class Emoji:
    """A picture for `:shortcode:`, which is without its colons here."""

    shortcode: str
    icon: Link
    id: str | None


@dataclass(frozen=True, slots=True)
class Tags:
    mentions: tuple[Mention, ...] = ()
    hashtags: tuple[Hashtag, ...] = ()
    emoji: tuple[Emoji, ...] = ()
    objects: tuple[Link, ...] = ()


def tags(value: Any) -> Tags:
    """Return the tags of a kind that is known; each mention and hashtag once."""
    mentions: dict[str, Mention] = {}
    hashtags: dict[str, Hashtag] = {}
    emoji: dict[str, Emoji] = {}
    objects: list[Link] = []
    for item in shapes.many(value)[:MAX_TAGS]:
        if not isinstance(item, dict):
            continue
        kinds = shapes.types(item)
        name = shapes.string(item.get("name"))
        if "Mention" in kinds:
            href = shapes.uri(shapes.one(item.get("href")))
            if href is not None:
                mentions.setdefault(href, Mention(href, name))
        elif "Hashtag" in kinds:
            word = (name or "").lstrip("#")
            if word and len(word) <= MAX_HASHTAG_CHARACTERS:
                href = shapes.uri(shapes.one(item.get("href")))
                hashtags.setdefault(word.casefold(), Hashtag(word, href))
        elif "Emoji" in kinds:
            icon = shapes.link(shapes.one(item.get("icon")))
            shortcode = (name or "").strip(":")
            if icon is not None and _SHORTCODE.fullmatch(shortcode):
                emoji.setdefault(shortcode, Emoji(shortcode, icon, shapes.uri(item)))
        elif "Link" in kinds:
            link = shapes.link(item)
            if link is not None and is_activitypub(link.media_type):
                objects.append(link)
    return Tags(tuple(mentions.values()), tuple(hashtags.values()), tuple(emoji.values()), tuple(objects))
