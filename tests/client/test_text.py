"""Names from elsewhere before they are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.text import clean


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("phone\x1b[2J", "phone�[2J"),
        ("one\ntwo\rthree", "one�two�three"),
        ("\u202egnp.exe", "�gnp.exe"),
        ("a\u200bb", "a�b"),
        ("\x9b31m", "�31m"),
        ("\u2028", "�"),
        ("  wide   space ", "wide space"),
        ("x" * 100, "x" * 79 + "…"),
        ("Ärger 手机", "Ärger 手机"),
    ],
)
def test_what_moves_the_cursor_turns_the_writing_or_hides_is_replaced(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text(), st.integers(1, 50))
def test_whatever_comes_fits_on_one_line(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert len(shown) <= limit
    assert "\n" not in shown
    assert "\x1b" not in shown
