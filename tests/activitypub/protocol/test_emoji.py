"""What is one emoji, and what is not."""

import pytest

from activitypub.protocol.emoji import is_emoji


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "x", "ok", ":)", ":blobcat:", "1", "#", "42", "<b>", "\ufe0f", "\u200d", "👍 ", " 👍", "👍x",
        "👍👍", "👍\n", "\U0001f3fd\U0001f3fd\U0001f3fd", "👍\u200d", "é", "漢", "\u202e👍", "👍" * 50,
        "🇩🇪🇫🇷", "\u200b",
    ],
)  # fmt: skip
def test_this_is_none(text: str) -> None:
    assert not is_emoji(text)


@pytest.mark.parametrize(
    "text",
    ["👍", "👍🏽", "❤", "❤️", "🇩🇪", "1️⃣", "#⃣", "👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "👁️‍🗨️", "🧑🏿‍🚀", "©️", "⭐", "🫠", "↔️", "㊙️"],
)
def test_this_is_one(text: str) -> None:
    assert is_emoji(text)
