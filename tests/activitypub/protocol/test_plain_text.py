"""Plain text as HTML: nothing that was typed is markup."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.protocol.plain_text import inline, paragraphs

REL = 'rel="me nofollow noopener noreferrer"'


class Reading(HTMLParser):
    """What a browser would see: tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    "typed",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "javascript:alert(1)",
        "&lt;b&gt;",
        "</p><style>",
    ],
)
def test_markup_is_text(typed: str) -> None:
    seen = Reading(paragraphs(typed))
    assert [tag for tag, _ in seen.tags] == ["p"]
    assert seen.text == typed


@pytest.mark.parametrize(
    "typed",
    [
        'https://example.org/"onmouseover="alert(1)',
        "https://example.org/'onmouseover='alert(1)",
        "https://example.org/><script>",
        "https://example.org/<b>",
        "https://example.org/`x`",
    ],
)
def test_a_link_cannot_end_its_attribute(typed: str) -> None:
    seen = Reading(inline(typed))
    assert seen.tags == [("a", {"href": "https://example.org/", "rel": "me nofollow noopener noreferrer"})]


@given(st.text() | st.text(alphabet="htps:/.<>\"'&;ab \n\r"))
def test_whatever_is_typed_only_the_four_tags_come_out(typed: str) -> None:
    for tag, attributes in Reading(paragraphs(typed)).tags:
        assert tag in ("p", "br", "a")
        assert attributes.keys() <= {"href", "rel"}
        assert str(attributes.get("href", "http://")).startswith(("http://", "https://"))


def test_a_scheme_alone_is_no_link() -> None:
    assert inline("It begins with https://.") == "It begins with https://."


def test_lines_and_paragraphs_stay() -> None:
    assert paragraphs("One\r\ntwo\n\n\nthree\n") == "<p>One<br>two</p><p>three</p>"
    assert paragraphs(" \n ") == ""


def test_a_link_ends_before_the_sentence_does() -> None:
    link = f'<a href="https://example.org/a?b=1&amp;c" {REL}>example.org/a?b=1&amp;c</a>'
    assert inline("See https://example.org/a?b=1&c.") == f"See {link}."
