"""What people type as plain text, as the HTML that the fediverse carries."""

import re
from html import escape

# No white space, quote or bracket, which could end an attribute; nor at its end what ends a sentence.
_LINK = re.compile(r"https?://[^\s<>\"'`]{0,500}[^\s<>\"'`.,;:!?)\]}]")
_PARAGRAPH = re.compile(r"\n{2,}")
# Whoever is linked may say the same back (`me`), learns of nobody (`noreferrer`), and gains nothing.
_REL = "me nofollow noopener noreferrer"


def paragraphs(text: str) -> str:
    """Return `<p>` and `<br>` for the text's own lines, its links as links. Empty for nothing."""
    normal = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not normal:
        return ""
    return "".join(
        "<p>" + inline(part.strip("\n")).replace("\n", "<br>") + "</p>" for part in _PARAGRAPH.split(normal)
    )


def inline(text: str) -> str:
    """Return one line of HTML: everything escaped, links as links."""
    pieces, end = [], 0
    for found in _LINK.finditer(text):
        pieces += [escape(text[end : found.start()]), _anchor(found.group())]
        end = found.end()
    return "".join([*pieces, escape(text[end:])])


def _anchor(link: str) -> str:
    shown = link.partition("://")[2]
    return f'<a href="{escape(link)}" rel="{_REL}">{escape(shown)}</a>'
