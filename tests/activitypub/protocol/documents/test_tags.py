"""Mentions, hashtags, emoji and links to objects."""

from typing import Any

import pytest

from activitypub.protocol.documents.tags import MAX_TAGS, Hashtag, Mention, Tags, tags

URI = "https://a.example/1"
PICTURE = "https://a.example/x.png"
AS_JSON = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'


@pytest.mark.parametrize(
    "tag",
    [
        None,
        "Mention",
        [["Mention"]],
        {},
        {"type": None},
        {"type": "Mention"},
        {"type": "Mention", "href": "javascript:x"},
        {"type": "Mention", "name": "@nobody"},
        {"type": "Hashtag"},
        {"type": "Hashtag", "name": "#"},
        {"type": "Hashtag", "name": ["#", {}]},
        {"type": "Hashtag", "name": "#" + "x" * 256},
        {"type": "Emoji", "name": ":x:"},
        {"type": "Emoji", "name": "::", "icon": PICTURE},
        {"type": "Emoji", "name": ":<b>:", "icon": PICTURE},
        {"type": "Emoji", "name": ":a b:", "icon": PICTURE},
        {"type": "Emoji", "name": ":a:b:", "icon": PICTURE},
        {"type": "Emoji", "name": "x" * 129, "icon": PICTURE},
        {"type": "Emoji", "name": ":x:", "icon": {"url": "data:image/png,"}},
        {"type": "Link", "href": URI},
        {"type": "Link", "href": URI, "mediaType": "text/html"},
        {"type": "Book", "href": URI, "name": "x"},
    ],
)
def test_a_tag_that_lacks_what_its_kind_needs_counts_as_none(tag: Any) -> None:
    assert tags(tag) == Tags()


def test_one_tag_or_many_are_read_each_once() -> None:
    mention = {"type": "Mention", "href": URI, "name": "@a"}
    assert tags(mention).mentions == (Mention(URI, "@a"),)
    assert tags([mention, None, mention | {"name": "@b"}]).mentions == (Mention(URI, "@a"),)


def test_a_hashtag_loses_its_sign_and_keeps_its_letters() -> None:
    found = tags([{"type": "Hashtag", "name": name} for name in ("#Straße", "strasse", "#STRASSE", "b")])
    assert found.hashtags == (Hashtag("Straße", None), Hashtag("b", None))


def test_an_emoji_has_a_shortcode_and_a_picture() -> None:
    (emoji,) = tags({"type": "Emoji", "id": URI, "name": ":x:", "icon": {"url": PICTURE}}).emoji
    assert (emoji.shortcode, emoji.icon.href, emoji.id) == ("x", PICTURE, URI)


@pytest.mark.parametrize("media_type", [AS_JSON, "application/activity+json"])
def test_a_link_of_activitypubs_media_type_is_a_link_to_an_object(media_type: str) -> None:
    (link,) = tags({"type": "Link", "href": URI, "mediaType": media_type}).objects
    assert link.href == URI


def test_no_more_than_512_tags_are_read() -> None:
    many = [{"type": "Hashtag", "name": str(number)} for number in range(MAX_TAGS + 10)]
    assert len(tags(many).hashtags) == MAX_TAGS
