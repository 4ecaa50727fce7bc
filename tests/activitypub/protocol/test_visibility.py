"""Who may see a post."""

import pytest

from activitypub.protocol.documents.shapes import PUBLIC
from activitypub.protocol.visibility import Visibility, addressed, visibility

FOLLOWERS = "https://a.example/users/alice/followers"
BOB = "https://b.example/users/bob"


@pytest.mark.parametrize(
    ("to", "cc", "seen_by"),
    [
        ([PUBLIC], [], Visibility.PUBLIC),
        ([BOB, PUBLIC], [PUBLIC, FOLLOWERS], Visibility.PUBLIC),
        ([FOLLOWERS], [PUBLIC], Visibility.UNLISTED),
        ([], [PUBLIC], Visibility.UNLISTED),
        ([FOLLOWERS], [], Visibility.FOLLOWERS),
        ([BOB], [FOLLOWERS], Visibility.FOLLOWERS),
        ([BOB], [], Visibility.DIRECT),
        ([], [], Visibility.DIRECT),
        (["https://b.example/users/bob/followers"], [], Visibility.DIRECT),
        ([f"{FOLLOWERS}/"], [f"{PUBLIC}x"], Visibility.DIRECT),
    ],
)
def test_to_and_cc_say_who_may_see_it(to: list[str], cc: list[str], seen_by: Visibility) -> None:
    assert visibility(to, cc, FOLLOWERS) is seen_by


def test_without_a_followers_collection_nothing_is_for_followers() -> None:
    assert visibility([FOLLOWERS], [], None) is Visibility.DIRECT


@pytest.mark.parametrize("seen_by", Visibility)
@pytest.mark.parametrize("mentioned", [[], [BOB]])
def test_what_is_addressed_is_read_back_as_it_was_meant(seen_by: Visibility, mentioned: list[str]) -> None:
    to, cc = addressed(seen_by, FOLLOWERS, mentioned)
    assert visibility(to, cc, FOLLOWERS) is seen_by
    assert set(mentioned) <= {*to, *cc}


def test_a_direct_post_names_neither_the_public_nor_the_followers() -> None:
    assert addressed(Visibility.DIRECT, FOLLOWERS, [BOB]) == ((BOB,), ())
