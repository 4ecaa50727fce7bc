"""HTML from elsewhere, made harmless: what a post needs stays, and nothing that runs, loads or styles."""

import re
from html import unescape
from typing import Final

import nh3

from activitypub.protocol import plain_text

# Longer than any server lets its people write; a document has a megabyte.
MAX_CHARACTERS: Final = 400_000
# What a parser does for a tag grows with those that are open, and for an `&` with those before it: of a
# megabyte of nothing else it made half a minute.
MAX_TAGS: Final = 4_000
MAX_REFERENCES: Final = 20_000
# For an attribute it grows with those that the tag has already. A tag ends at the first `>` but for one in
# quotes, which stand behind a `=`: so one that is not long and has few of those has few attributes.
MAX_TAG_CHARACTERS: Final = 16_000
MAX_ASSIGNMENTS: Final = 8_000

_LONG_TAG: Final = re.compile(rf"<[^<>]{{{MAX_TAG_CHARACTERS}}}")

# What a parser opens anew in each paragraph until it was closed (HTML §13.2.4.3). Of those that are alike it
# remembers three, so without their attributes, of which none is kept, they are few.
_REOPENED: Final = re.compile(
    r"<(b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)[\s/][^>]*>", re.IGNORECASE
)

_TAGS: Final = frozenset(
    {
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "del",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "i",
        "li",
        "ol",
        "p",
        "pre",
        "rp",
        "rt",
        "ruby",
        "s",
        "span",
        "strong",
        "sub",
        "sup",
        "u",
        "ul",
    }
)
_CLASSES: Final = frozenset(
    {
        "h-card",
        "u-url",
        "mention",
        "hashtag",
        "invisible",
        "ellipsis",
        "quote-inline",
        "p-author",
        "h-cite",
    }
)
_SCHEMES: Final = frozenset(
    {
        "dat",
        "dweb",
        "gemini",
        "gopher",
        "http",
        "https",
        "ipfs",
        "ipns",
        "magnet",
        "mailto",
        "matrix",
        "ssb",
        "xmpp",
    }
)
# Their content is no text.
_DROPPED: Final = frozenset(
    {
        "iframe",
        "noscript",
        "object",
        "script",
        "style",
        "svg",
        "template",
        "title",
    }
)

_cleaner = nh3.Cleaner(
    tags=set(_TAGS),
    clean_content_tags=set(_DROPPED),
    attributes={
        "a": {"href", "class", "translate"},
        "blockquote": {"cite"},
        "li": {"value"},
        "ol": {"start", "reversed"},
        "p": {"class"},
        "span": {"class", "translate"},
    },
    attribute_filter=lambda tag, name, value: _classes(value) if name == "class" else value,
    url_schemes=set(_SCHEMES),
    # Whoever is linked learns of nobody and gains nothing.
    link_rel="nofollow noopener noreferrer",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    strip_comments=True,
)
_stripper = nh3.Cleaner(tags=set(), clean_content_tags=set(_DROPPED), strip_comments=True)
# Behind these a line ends.
_LINE_ENDS: Final = re.compile(r"<br\b[^<>]*>|</(blockquote|div|h[1-6]|li|p|pre)\s*>", re.IGNORECASE)


def clean(html: str) -> str:
    """Return HTML that is safe to show: known elements, attributes and schemes alone; well-formed."""
    bounded = _bounded(html)
    return _cleaner.clean(bounded) if set(bounded).intersection("<&>") else bounded


def as_text(html: str) -> str:
    """Return what HTML says, without any markup: for titles and the names of options."""
    if not set(html).intersection("<&>"):
        return html
    return unescape(_stripper.clean(_bounded(html)))


def as_lines(html: str) -> str:
    """Return what HTML says as `as_text` does, its lines and paragraphs each as a line; none is empty."""
    text = as_text(_LINE_ENDS.sub("\n", html[:MAX_CHARACTERS]))
    return "\n".join(line for line in text.split("\n") if line.strip())


def from_plain(text: str) -> str:
    """Return plain text as HTML, its lines as paragraphs."""
    return plain_text.paragraphs(text[:MAX_CHARACTERS])


def _bounded(html: str) -> str:
    """As much of it as is read: up to the first tag, attribute, or reference to a character, that is one too
    many, or the first tag that is too long."""
    html = html[:MAX_CHARACTERS]
    for sign, most in (("<", MAX_TAGS), ("&", MAX_REFERENCES), ("=", MAX_ASSIGNMENTS)):
        html = sign.join(html.split(sign, most + 1)[: most + 1])
    if (long := _LONG_TAG.search(html)) is not None:
        html = html[: long.start()]
    # Behind the last `>` no tag ends: to look for an end from each beginning would take long.
    ended = html.rfind(">") + 1
    return _REOPENED.sub(r"<\1>", html[:ended]) + html[ended:]


def _classes(value: str) -> str | None:
    return " ".join(word for word in value.split() if word in _CLASSES) or None
