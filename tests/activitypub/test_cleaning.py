"""HTML from elsewhere: how much of it is read."""

import pytest

from activitypub import cleaning


@pytest.mark.parametrize("sign", ["<div>", "<b>", "</p>", "<!--x-->"])
def test_of_more_tags_than_anybody_writes_the_rest_is_not_read(sign: str) -> None:
    most = sign * cleaning.MAX_TAGS
    assert "late" in cleaning.clean(f"{most}late")
    for read in (cleaning.clean, cleaning.as_text):
        assert "late" not in read(f"{most}<i>late")
        assert "late" not in read(sign * 300_000 + "late")
        assert "early" in read(f"early {most}<i>late")


def test_of_more_references_than_anybody_writes_the_rest_is_not_read() -> None:
    most = "&" * cleaning.MAX_REFERENCES
    for read in (cleaning.clean, cleaning.as_text):
        assert "late" in read(f"{most}late")
        assert "late" not in read(f"{most}&amp;late")
        assert "late" not in read("&" * 1_000_000 + "late")


def test_of_a_tag_with_more_attributes_than_anybody_writes_nothing_is_read() -> None:
    long = " ".join(f"x{number}" for number in range(cleaning.MAX_TAG_CHARACTERS // 2))
    quoted = " ".join(f'x{number}=">"' for number in range(cleaning.MAX_ASSIGNMENTS + 1))
    few = " ".join(f'x{number}=">"' for number in range(100))
    for read in (cleaning.clean, cleaning.as_text):
        assert "late" not in read(f"early<i {long}>late</i>")
        assert "late" not in read(f"early<i {quoted}>late</i>")
        assert "early" in read(f"early<i {long}>late</i>")
        assert "late" in read(f"early<i {few}>late</i>")


@pytest.mark.parametrize("tag", ["<b {}>", "<EM\n{}='>'>", "<u/{}>", '<code {}="<b">'])
def test_tags_that_nobody_closes_do_not_multiply(tag: str) -> None:
    many = "<p>".join(tag.format(f"x{number}") + "a</p>" for number in range(900))
    cleaned = cleaning.clean(many)
    assert cleaned.count("a<") == 900
    assert len(cleaned) < 4 * len(many)
    assert len(cleaning.clean(many + "<b x" * 1000)) < 4 * len(many)


def test_what_people_write_is_read_to_its_end() -> None:
    article = '<p>An <a href="https://remote.example/1">article</a> &amp; more.</p>' * 900
    cleaned = cleaning.clean(f"{article}<p>the end</p>")
    assert cleaned.count("<p>") == 901
    assert cleaned.endswith("<p>the end</p>")


@pytest.mark.parametrize(
    ("html", "lines"),
    [
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("one<br>two<BR/>three<br class='x'>four", "one\ntwo\nthree\nfour"),
        ("<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n<p></p>three", "one\ntwo\nthree"),
        ("<h2>one</h2>two", "one\ntwo"),
        ("one <b>and</b> the same", "one and the same"),
        ("<script>one</script><p>&lt;br&gt;</p>", "<br>"),
        ("a < b\nc", "a < b\nc"),
    ],
)
def test_lines_and_paragraphs_become_lines_of_text(html: str, lines: str) -> None:
    assert cleaning.as_lines(html) == lines


def test_of_lines_no_more_is_read_than_of_anything() -> None:
    assert len(cleaning.as_lines("<br>a" * 1_000_000)) <= cleaning.MAX_CHARACTERS
    assert "late" not in cleaning.as_lines("x" * cleaning.MAX_CHARACTERS + "late")
