"""Whom an author lets like, answer or boost a post."""

from typing import Any

import pytest

from activitypub.protocol.documents.interactions import MAX_NAMES, Interaction, limits

AUTHOR = "https://remote.example/users/bob"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"


def read(part: Any) -> Any:
    return limits({"interactionPolicy": {"canLike": part}}).get(Interaction.LIKE)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"interactionPolicy": None},
        {"interactionPolicy": []},
        {"interactionPolicy": "canLike"},
        {"interactionPolicy": {"canLike": None, "canReply": {}, "canAnnounce": "x", "canQuote": {}}},
        {"interactionPolicy": {"canQuote": {"automaticApproval": AUTHOR}}},
    ],
)
def test_what_says_nothing_limits_nothing(document: dict[str, Any]) -> None:
    assert limits(document) == {}


@pytest.mark.parametrize(
    "part",
    [
        {"automaticApproval": PUBLIC},
        {"automaticApproval": ["as:Public"]},
        {"automaticApproval": AUTHOR, "manualApproval": [PUBLIC]},
        {"always": [AUTHOR], "approvalRequired": "Public"},
        {"automaticApproval": [], "manualApproval": []},
        {"automaticApproval": 7, "manualApproval": {"x": 1}},
        {"automaticApproval": [f"{AUTHOR}/{number}" for number in range(MAX_NAMES + 1)]},
    ],
)
def test_what_everybody_may_at_once_or_after_asking_is_not_limited(part: Any) -> None:
    assert read(part) is None


def test_those_alone_may_whom_either_word_names() -> None:
    assert read({"automaticApproval": AUTHOR}) == (AUTHOR,)
    assert read({"always": AUTHOR, "approvalRequired": [f"{AUTHOR}/followers", AUTHOR]}) == (
        AUTHOR,
        f"{AUTHOR}/followers",
    )
    each = {"automaticApproval": [AUTHOR], "manualApproval": [f"{AUTHOR}/following"]}
    policy = {interaction.value: each for interaction in Interaction}
    assert dict(limits({"interactionPolicy": policy})) == dict.fromkeys(
        Interaction, (AUTHOR, f"{AUTHOR}/following")
    )
