"""What people write, as the HTML that the fediverse carries, and whom and what they name in it.

Markdown is CommonMark without pictures and raw HTML. In both kinds of text addresses become links, `@name`
and `@name@host` mentions, `#word` hashtags; not in code, and not within another link.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

PLAIN: Final = "text/plain"
MARKDOWN: Final = "text/markdown"

_PIECE = re.compile(
    # An address ends with no character that ends a sentence.
    r"(?P<link>https?://[^\s<>\"'`]{0,500}[^\s<>\"'`.,;:!?)\]}])"
    # Neither within a word, nor in a path or an e-mail address.
    r"|(?<![\w@#&/.+-])(?:"
    r"@(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9_])?)"
    r"(?:@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]{0,251}[A-Za-z0-9](?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?))?"
    r"(?![\w@])"
    r"|\#(?P<tag>\w{1,100})(?!\w))"
)


@dataclass(frozen=True, slots=True)
class Named:
    """A name as it was typed; `host` in lower case, empty where none was typed."""

    username: str
    host: str


@dataclass(slots=True)
class Composed:
    """`named` and `hashtags` each once, in their order; hashtags without `#`, as they were typed."""

    html: str = ""
    named: list[Named] = field(default_factory=list)
    hashtags: list[str] = field(default_factory=list)


def compose(
    text: str, media_type: str, page_of: Mapping[Named, str], hashtag_page: Callable[[str], str]
) -> Composed:
    """Return the text as HTML. `media_type` is PLAIN or MARKDOWN.

    `page_of` says where those are whom a name means; a name that is not in it stays text.
    """
    composed = Composed()
    parser = _plain if media_type == PLAIN else _markdown

    def html_of(match: re.Match[str]) -> str:
        if link := match["link"]:
            shown = link.partition("://")[2]
            return f'<a href="{escape(link)}">{escape(shown)}</a>'
        if name := match["name"]:
            return _mention(Named(name, (match["host"] or "").lower()), match.group())
        return _hashtag(match["tag"])

    def _mention(named: Named, typed: str) -> str:
        if named not in composed.named:
            composed.named.append(named)
        page = page_of.get(named)
        if page is None:
            return escape(typed)
        return (
            f'<span class="h-card" translate="no"><a href="{escape(page)}" class="u-url mention">'
            f"@<span>{escape(named.username)}</span></a></span>"
        )

    def _hashtag(word: str) -> str:
        if word.isdigit() or not word.strip("_"):
            return escape(f"#{word}")
        if word.casefold() not in map(str.casefold, composed.hashtags):
            composed.hashtags.append(word)
        href = escape(hashtag_page(word))
        return f'<a href="{href}" class="mention hashtag">#<span>{escape(word)}</span></a>'

    composed.html = parser.render(text, {"html_of": html_of}).strip()
    return composed


def _name_things(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "inline" and token.children:
            token.children = _split(token.children, state.env["html_of"])


def _split(tokens: list[Token], html_of: Callable[[re.Match[str]], str]) -> list[Token]:
    found: list[Token] = []
    within_link = 0
    for token in tokens:
        within_link += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type != "text" or within_link:
            found.append(token)
            continue
        end = 0
        for match in _PIECE.finditer(token.content):
            found.append(_text("text", token.content[end : match.start()]))
            found.append(_text("html_inline", html_of(match)))
            end = match.end()
        found.append(_text("text", token.content[end:]))
    return found


def _text(kind: str, content: str) -> Token:
    return Token(kind, "", 0, content=content)


def _parser(parser: MarkdownIt) -> MarkdownIt:
    parser.core.ruler.push("things_named", _name_things)
    return parser


_markdown = _parser(
    MarkdownIt("commonmark", {"html": False, "breaks": True})
    .enable("strikethrough")
    .disable(["image", "html_block", "html_inline", "reference"])
)
_plain = _parser(MarkdownIt("zero", {"breaks": True}).enable("newline"))
