"""What people publish, and what is left of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from activitypub.protocol.documents.objects import MAX_ATTACHMENTS, Post, post, tombstone
from activitypub.protocol.documents.parsing import Unknown, parse
from activitypub.protocol.documents.polls import MAX_OPTIONS, Option
from activitypub.protocol.documents.quotes import Quote, QuoteAuthorization, quote_authorization
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument
from activitypub.protocol.documents.shapes import PUBLIC

ID = "https://a.example/1"
ALICE = "https://a.example/users/alice"
QUOTED = "https://b.example/2"
STAMP = "https://b.example/stamp"
PICTURE = "https://a.example/x.png"


def note(**changes: Any) -> Post:
    return post({"id": ID, "type": "Note", "attributedTo": ALICE, "content": "<p>a</p>"} | changes)


def question(**changes: Any) -> Post:
    return note(type="Question", **changes)


@pytest.mark.parametrize("name", [None, "", "1", [ID], {}, "did:example:1"])
def test_a_post_or_a_tombstone_without_a_uri_is_refused(name: Any) -> None:
    for read in (note, lambda **changes: tombstone({"type": "Tombstone"} | changes)):
        with pytest.raises(RefusedDocument) as caught:
            read(id=name)
        assert caught.value.refusal is Refusal.ID_MISSING


def test_a_post_of_no_known_type_is_refused() -> None:
    with pytest.raises(RefusedDocument) as caught:
        note(type="ChatMessage")
    assert caught.value.refusal is Refusal.TYPE_MISSING


def test_null_everywhere_is_a_post_that_says_nothing() -> None:
    names = note().raw.keys() | {
        "summary", "name", "to", "cc", "tag", "attachment", "url", "inReplyTo", "published", "updated",
        "sensitive", "quote", "replies", "context", "image", "icon", "language", "endTime", "contentMap",
    }  # fmt: skip
    found = post(dict.fromkeys(names) | {"id": ID, "type": "Note"})
    assert (found.content, found.attributed_to, found.to, found.attachments) == (None, (), (), ())
    assert not found.sensitive


@pytest.mark.parametrize(
    ("changes", "is_vote"),
    [
        ({"name": "yes", "inReplyTo": QUOTED, "content": None}, True),
        ({"nameMap": {"en": "yes"}, "inReplyTo": QUOTED, "content": ""}, True),
        ({"name": "yes", "inReplyTo": QUOTED}, False),
        ({"name": "yes", "content": None}, False),
        ({"inReplyTo": QUOTED, "content": None}, False),
        ({"type": "Article", "name": "yes", "inReplyTo": QUOTED, "content": None}, False),
    ],
)
def test_a_vote_is_a_note_with_a_name_and_a_question_and_nothing_to_say(
    changes: dict[str, Any], is_vote: bool
) -> None:
    assert note(**changes).is_vote is is_vote


def test_a_poll_has_options_of_one_or_of_any() -> None:
    options = [{"type": "Note", "name": "a", "replies": {"totalItems": 3}}, {"name": "b"}, None, {}, "c"]
    one = question(oneOf=options, anyOf=[], endTime="2020-01-01T00:00:00Z", votersCount=3).poll
    many = question(anyOf=options, closed=True).poll
    assert one is not None
    assert many is not None
    assert one.options == many.options == (Option("a", 3), Option("b", None))
    assert (one.multiple, one.end_time, one.voters_count) == (False, datetime(2020, 1, 1, tzinfo=UTC), 3)
    assert (many.multiple, many.is_closed, many.closed) == (True, True, None)


def test_a_question_without_options_is_a_post_without_a_poll() -> None:
    assert question().poll is None
    assert question(oneOf=[{"type": "Note"}]).poll is None
    assert note(oneOf=[{"name": "a"}]).poll is None


def test_a_poll_of_too_many_options_is_refused_and_not_cut() -> None:
    options = [{"name": str(number)} for number in range(MAX_OPTIONS + 1)]
    with pytest.raises(RefusedDocument) as caught:
        question(anyOf=options)
    assert caught.value.refusal is Refusal.TOO_MANY_OPTIONS


@pytest.mark.parametrize("name", ["quote", "quoteUrl", "quoteUri", "_misskey_quote"])
def test_each_word_for_a_quote_is_known(name: str) -> None:
    assert note(**{name: QUOTED}).quote == Quote(QUOTED, None)
    assert note(**{name: None}).quote is None


def test_the_proposals_own_word_goes_before_the_others_and_brings_its_stamp() -> None:
    found = note(quote={"id": QUOTED}, quoteUrl=ID, quoteAuthorization=STAMP)
    assert found.quote == Quote(QUOTED, STAMP)


@pytest.mark.parametrize(
    ("rel", "quotes"),
    [(None, True), ("https://misskey-hub.net/ns#_misskey_quote", True), ("https://x.example/cites", False)],
)
def test_a_link_in_tag_is_a_quote_unless_it_says_otherwise(rel: str | None, quotes: bool) -> None:
    tag = {"type": "Link", "href": QUOTED, "mediaType": "application/activity+json", "rel": rel}
    assert (note(tag=tag).quote == Quote(QUOTED, None)) is quotes


@pytest.mark.parametrize(
    "policy", [None, {}, {"canLike": {}}, {"canQuote": None}, {"canQuote": "all"}, "all", [[]]]
)
def test_a_post_that_says_nothing_of_quotes_has_no_policy_on_them(policy: Any) -> None:
    assert note(interactionPolicy=policy).quote_policy is None


def test_a_policy_lets_quote_at_once_after_asking_or_never() -> None:
    bob, carol, everybody = "https://b.example/bob", "https://c.example/carol", PUBLIC
    policy = note(
        interactionPolicy={"canQuote": {"automaticApproval": bob, "manualApproval": ["as:Public", bob]}}
    ).quote_policy
    assert policy is not None
    assert policy.answer([bob, everybody]) is True
    assert policy.answer([carol, everybody]) is None
    nobody = note(interactionPolicy={"canQuote": {}}).quote_policy
    assert nobody is not None
    assert nobody.answer([bob, everybody]) is False


def test_a_stamp_names_who_lets_what_quote_what() -> None:
    stamp = {
        "type": "QuoteAuthorization", "id": STAMP, "attributedTo": ALICE,
        "interactingObject": QUOTED, "interactionTarget": {"id": ID},
    }  # fmt: skip
    assert quote_authorization(stamp) == QuoteAuthorization(STAMP, ALICE, QUOTED, ID)
    for name in stamp:
        assert quote_authorization(stamp | {name: None}) is None
    assert quote_authorization(stamp | {"type": "LikeAuthorization"}) is None


def test_an_attachment_is_a_link_with_what_is_said_of_it() -> None:
    (found,) = note(
        attachment={
            "type": "Document", "url": PICTURE, "mediaType": "image/png", "name": "a picture",
            "blurhash": "UBL_:rOpGG", "focalPoint": [0.5, -1], "width": 10, "height": 20,
        }
    ).attachments  # fmt: skip
    assert (found.link.href, found.link.media_type, found.description) == (PICTURE, "image/png", "a picture")
    assert (found.blurhash, found.focal_point, found.link.width) == ("UBL_:rOpGG", (0.5, -1.0), 10)


@pytest.mark.parametrize(
    "attachment",
    [
        None,
        "x",
        PICTURE,
        {"type": "Document"},
        {"type": "Document", "url": "file:///etc/passwd"},
        {"type": "PropertyValue", "name": "a", "value": "b"},
        {"url": PICTURE},
        [[{"type": "Image", "url": PICTURE}]],
    ],
)
def test_what_cannot_be_fetched_is_no_attachment(attachment: Any) -> None:
    assert note(attachment=attachment).attachments == ()


@pytest.mark.parametrize("point", [[2, 0], [0], [0, 0, 0], ["0", "0"], [True, True], "0,0", {"x": 0}])
def test_a_focal_point_outside_the_picture_is_none(point: Any) -> None:
    (found,) = note(attachment={"type": "Image", "url": PICTURE, "focalPoint": point}).attachments
    assert found.focal_point is None


def test_no_more_than_64_attachments_are_read() -> None:
    many = [{"type": "Image", "url": PICTURE}] * (MAX_ATTACHMENTS + 1)
    assert len(note(attachment=many).attachments) == MAX_ATTACHMENTS


@pytest.mark.parametrize(
    ("changes", "language"),
    [
        ({"contentMap": {"fr": "<p>a</p>"}, "language": {"identifier": "de"}}, "fr"),
        ({"language": {"identifier": "de", "name": "Deutsch"}}, "de"),
        ({"language": [{"identifier": "de"}]}, "de"),
        ({"inLanguage": "it"}, "it"),
        ({"language": {"identifier": "und"}}, None),
        ({"language": 7}, None),
    ],
)
def test_the_language_is_the_contents_or_else_what_the_server_says(
    changes: dict[str, Any], language: str | None
) -> None:
    assert note(**changes).language == language


def test_a_tombstone_says_what_it_was_and_when_it_ended() -> None:
    found = tombstone(
        {"id": ID, "type": "Tombstone", "formerType": "Note", "deleted": "2020-01-01T00:00:00Z"}
    )
    assert (found.id, found.former_type) == (ID, "Note")
    assert found.deleted == datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["KeyPackage", "Welcome", "GroupInfo", "PrivateMessage", "PublicMessage"])
def test_encrypted_messages_are_kept_as_they_came(kind: str) -> None:
    document = {"id": ID, "type": ["Object", kind], "attributedTo": ALICE, "content": "AAAA", "x": [None]}
    found = parse(document)
    assert isinstance(found, Unknown)
    assert found.raw is document
    assert (found.types, found.id, found.attributed_to) == (("Object", kind), ID, (ALICE,))
