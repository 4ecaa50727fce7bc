"""Texts from elsewhere, before they come before a user's eyes."""

import unicodedata

_WEIGHTLESS = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean(text: str, limit: int = 80) -> str:
    """`text` on one line, without anything that moves the cursor, turns the writing or hides."""
    shown = "".join("�" if unicodedata.category(letter) in _WEIGHTLESS else letter for letter in text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
