"""Which answers are documents of ActivityPub."""

import pytest

from activitypub.protocol.media_types import MAX_MEDIA_TYPE_CHARACTERS, is_activitypub

PROFILE = "https://www.w3.org/ns/activitystreams"


@pytest.mark.parametrize(
    "media_type",
    [
        "application/activity+json",
        "Application/Activity+JSON; charset=utf-8",
        f'application/ld+json; profile="{PROFILE}"',
        f'application/ld+json;charset=utf-8;PROFILE="{PROFILE}"',
        f'application/ld+json; profile="https://x.example/ {PROFILE}"',
        f"application/ld+json; profile={PROFILE}",
    ],
)
def test_the_two_media_types_are_known_in_any_spelling(media_type: str) -> None:
    assert is_activitypub(media_type)


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "",
        ";",
        "application/json",
        "application/ld+json",
        'application/ld+json; profile="https://x.example/"',
        f'application/ld+json; profile="{PROFILE}#"',
        f'application/json; profile="{PROFILE}"',
        f'text/html; profile="{PROFILE}"',
        "text/html, application/activity+json",
        "application/activity+jsonp",
        "application/activity+json" + ";" * MAX_MEDIA_TYPE_CHARACTERS,
    ],
)
def test_anything_else_is_another_media_type(media_type: str | None) -> None:
    assert not is_activitypub(media_type)
