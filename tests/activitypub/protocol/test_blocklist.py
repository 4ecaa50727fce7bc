"""Lists of blocked hosts, read and written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.protocol import blocklist
from activitypub.protocol.blocklist import SEVERITIES, BadBlocklist, Line, read, write

HEADER = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\n"

# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HEADER + "a.example,suspend,true,true,,false\nnot a host,suspend,,,,", 3),
        (HEADER + "https://a.example,suspend", 2),
        (HEADER + "a.example.,suspend", 2),
        (HEADER + "example,suspend", 2),
        (HEADER + "a.example:8443,suspend", 2),
        (HEADER + ",suspend", 2),
        (HEADER + "a.example,kill", 2),
        (HEADER + "a.example,silence,perhaps", 2),
        ("a.example\nb example", 2),
        (HEADER + 'a.example,silence,true,true,"no end', 2),
        (HEADER + "a.example\n" * blocklist.MAX_LINES, blocklist.MAX_LINES + 1),
        ("a" * (blocklist.MAX_CHARACTERS + 1), 1),
    ],
)
def test_a_list_with_a_fault_is_refused_whole(text: str, line: int) -> None:
    with pytest.raises(BadBlocklist) as refused:
        read(text)
    assert refused.value.line == line


@given(st.text())
def test_whatever_a_text_holds_it_is_a_list_or_refused(text: str) -> None:
    try:
        found = read(text)
    except BadBlocklist:
        return
    assert read(write(found.lines)).lines == found.lines


# --- Read --------------------------------------------------------------------------------------------


def test_a_list_says_of_each_host_what_mastodon_would_do() -> None:
    found = read(
        HEADER
        + 'Bad.Example,suspend,true,false,"spam, and ""worse""",true\n'
        + "\nloud.example,silence,False,TRUE,,false\n"
    )
    assert found.lines == (
        Line("bad.example", "suspend", True, False, 'spam, and "worse"', True),
        Line("loud.example", "silence", False, True),
    )


def test_columns_may_stand_in_another_order_or_not_at_all() -> None:
    text = "\ufeffseverity, domain, digest\nnoop, a.example, x\n"
    assert read(text).lines == (Line("a.example", "noop"),)


def test_a_bare_list_of_names_suspends() -> None:
    assert read("a.example\nxn--bcher-kva.example\nbücher.example\n").lines == (
        Line("a.example"),
        Line("xn--bcher-kva.example"),
    )


def test_a_host_whose_name_is_hidden_is_counted_and_left_out() -> None:
    found = read(HEADER + "ba*.exam***,suspend\na.example,suspend\n")
    assert (found.lines, found.unnamed) == ((Line("a.example"),), 1)


def test_of_a_host_that_stands_twice_the_first_line_holds() -> None:
    assert read("#domain,#severity\na.example,silence\nA.example,suspend").lines == (
        Line("a.example", "silence"),
    )


@given(st.lists(st.builds(Line, st.just("a.example"), st.sampled_from(SEVERITIES)), max_size=1))
def test_what_is_written_reads_the_same(lines: list[Line]) -> None:
    assert read(write(lines)).lines == tuple(lines)
    assert write(lines).startswith(HEADER)
