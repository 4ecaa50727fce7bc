"""Whether a text is one emoji (UTS #51), as a reaction has it."""

import re
from typing import Final

# Of the ranges in which emoji stand, newer ones too, for this has no table of those that there are.
_BASE: Final = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u23ff\u2460-\u2bff\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001fbff]"
)
_ELEMENT: Final = f"{_BASE}[\ufe0f\U0001f3fb-\U0001f3ff]?[\U000e0020-\U000e007f]{{0,8}}"
_EMOJI: Final = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_ELEMENT}(?:\u200d{_ELEMENT}){{0,9}}"
)


def is_emoji(text: str) -> bool:
    """Whether it is one, with a skin tone, joined or as a flag too, and nothing beside it."""
    return _EMOJI.fullmatch(text) is not None
