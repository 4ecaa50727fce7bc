"""Texts that people type, as HTML."""

from html.parser import HTMLParser

import pytest

from activitypub.protocol.composing import MARKDOWN, PLAIN, Composed, Named, compose

BOB = Named("bob", "remote.example")
PAGES = {BOB: "https://remote.example/@bob", Named("carol", ""): "https://here.example/users/carol"}
LINKED = (
    '<span class="h-card" translate="no"><a href="https://remote.example/@bob" class="u-url mention">'
    "@<span>bob</span></a></span>"
)


class Elements(HTMLParser):
    """The elements of a piece of HTML with their attributes, as a browser finds them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def tag_page(name: str) -> str:
    return f"https://here.example/tags/{name}"


def composed(text: str, media_type: str = MARKDOWN) -> Composed:
    return compose(text, media_type, PAGES, tag_page)


# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", [MARKDOWN, PLAIN])
@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<a href="javascript:alert(1)">x</a>',
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](https://remote.example/pixel.png)",
        '[x](https://a.example "onmouseover=alert(1))',
        "<javascript:alert(1)>",
        'https://a.example/"onmouseover="alert(1)',
        '#tag"><script>x</script>',
        '@bob@remote.example"><script>',
        '```"><script>\nx\n```',
        "<!-- --><svg onload=alert(1)>",
    ],
)
def test_nothing_that_runs_or_loads_comes_of_a_text(text: str, media_type: str) -> None:
    found = Elements(composed(text, media_type).html).found
    assert {name for name, _ in found} <= {"p", "a", "span", "br", "pre", "code", "h1"}
    for _, attributes in found:
        assert attributes.keys() <= {"href", "class", "translate", "title"}
        assert attributes.get("href", "https:").partition(":")[0] in {"http", "https"}


@pytest.mark.parametrize(
    "text",
    [
        "mail me at ann@remote.example",
        "https://remote.example/@bob",
        "`@bob@remote.example`",
        "    @bob@remote.example",
        "[@bob@remote.example](https://a.example)",
        "see/@bob@remote.example",
        "@@bob@remote.example",
        "@bob@remote.example@other.example",
    ],
)
def test_what_only_looks_like_a_name_names_nobody(text: str) -> None:
    assert BOB not in composed(text).named


@pytest.mark.parametrize(
    "text", ["#1", "#2026", "C#", "a#b", "# ", "#_", "&#39;", "https://a.example/#b", "`#a`"]
)
def test_what_only_looks_like_a_hashtag_is_none(text: str) -> None:
    assert composed(text).hashtags == []


def test_a_name_that_nobody_has_stays_as_it_was_typed() -> None:
    found = composed("hello @nobody@nowhere.example & co")
    assert found.html == "<p>hello @nobody@nowhere.example &amp; co</p>"
    assert found.named == [Named("nobody", "nowhere.example")]


# Each is as long as a post may be, and the worst of its kind.
@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "*a ",
        "*",
        ">",
        "`a",
        "- ",
        "**a *b ",
        "[a](b",
        "~~a ",
        "_a__b",
        "<",
        "@a",
        "@a@b.",
        "#a",
        "\\",
        "](",
        "a\n",
        "https://",
        "* a\n ",
    ],
)
def test_no_text_however_strange_breaks_the_parser(piece: str) -> None:
    text = (piece * 20_000)[:20_000]
    for media_type in (MARKDOWN, PLAIN):
        found = composed(text, media_type)
        assert len(found.html) < 40 * len(text)
        assert len(found.named) <= 1


# --- Taken -------------------------------------------------------------------------------------------


def test_markdown_is_made_into_the_html_that_servers_show() -> None:
    text = (
        "# Title\n\n*em* **strong** ~~gone~~ `code`\nline\n\n- one\n- two\n\n> said\n\n[l](https://a.example)"
    )
    assert composed(text).html == (
        "<h1>Title</h1>\n"
        "<p><em>em</em> <strong>strong</strong> <s>gone</s> <code>code</code><br />\nline</p>\n"
        "<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n<blockquote>\n<p>said</p>\n</blockquote>\n"
        '<p><a href="https://a.example">l</a></p>'
    )


def test_plain_text_keeps_its_lines_and_every_sign() -> None:
    assert composed("*a* <b>\nnext\n\nlast & end", PLAIN).html == (
        "<p>*a* &lt;b&gt;<br>\nnext</p>\n<p>last &amp; end</p>"
    )


@pytest.mark.parametrize("media_type", [MARKDOWN, PLAIN])
@pytest.mark.parametrize(
    ("text", "around"),
    [
        ("@bob@remote.example", "{}"),
        ("(@bob@remote.example)", "({})"),
        ("hi @bob@remote.example, you", "hi {}, you"),
        ("hi @bob@remote.example.", "hi {}."),
        ("@bob@REMOTE.example!", "{}!"),
    ],
)
def test_who_is_named_is_linked(text: str, around: str, media_type: str) -> None:
    found = composed(text, media_type)
    assert found.html == f"<p>{around.format(LINKED)}</p>"
    assert found.named == [BOB]


def test_a_name_without_a_host_is_of_here() -> None:
    assert composed("@carol").named == [Named("carol", "")]
    assert "https://here.example/users/carol" in composed("@carol").html


def test_hashtags_are_linked_and_each_is_named_once() -> None:
    found = composed("#Cats and #cats, #多言語 #a_1 *#b*")
    assert found.hashtags == ["Cats", "多言語", "a_1", "b"]
    assert (
        '<a href="https://here.example/tags/Cats" class="mention hashtag">#<span>Cats</span></a>'
        in found.html
    )


@pytest.mark.parametrize("media_type", [MARKDOWN, PLAIN])
def test_addresses_become_links_without_what_ends_a_sentence(media_type: str) -> None:
    html = composed("see https://a.example/x_y_z?q=1&b=2.", media_type).html
    assert html == (
        '<p>see <a href="https://a.example/x_y_z?q=1&amp;b=2">a.example/x_y_z?q=1&amp;b=2</a>.</p>'
    )
