"""One value in all the shapes that it has."""

from datetime import UTC, datetime
from typing import Any

import pytest

from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.shapes import MAX_URIS, PUBLIC, Link, Reference, Text

URI = "https://a.example/1"
OTHER = "https://a.example/2"


@pytest.mark.parametrize(
    ("value", "uris"),
    [
        (None, ()),
        ([], ()),
        ([None, None], ()),
        (URI, (URI,)),
        ({"id": URI, "type": "Person"}, (URI,)),
        ([URI, None, {"id": OTHER}, URI], (URI, OTHER)),
        ({"type": "Person"}, ()),
        ({"id": None}, ()),
        ({"id": {"id": URI}}, ()),
        ({"id": [URI]}, ()),
        ([[URI]], ()),
        (1, ()),
        (True, ()),
        ("tag:a.example,2020:1", ()),
        ("urn:uuid:0", ()),
        ("", ()),
    ],
)
def test_ids_come_out_of_one_or_many_bare_or_inline(value: Any, uris: tuple[str, ...]) -> None:
    assert shapes.uris(value) == uris


def test_of_too_many_ids_the_rest_is_not_read() -> None:
    many = [f"https://a.example/{number}" for number in range(MAX_URIS + 1)]
    assert shapes.uris(many) == tuple(many[:-1])
    assert len(shapes.references(many)) == len(shapes.addressees(many)) == MAX_URIS


@pytest.mark.parametrize("name", [PUBLIC, "as:Public", "Public", ["as:Public", PUBLIC, "Public"]])
def test_everybody_has_three_names_and_comes_out_under_one(name: Any) -> None:
    assert shapes.addressees(name) == (PUBLIC,)


@pytest.mark.parametrize("name", ["public", "as:public", "xas:Public", f"{PUBLIC}/", {"id": "as:Public"}])
def test_what_only_looks_like_everybody_is_not(name: Any) -> None:
    assert PUBLIC not in shapes.addressees(name)


def test_a_reference_holds_the_id_the_thing_or_both() -> None:
    inline = {"id": URI, "type": "Note"}
    assert shapes.references([URI, inline, {"type": "Note"}, None, 3, "no uri"]) == (
        Reference(URI),
        Reference(URI, inline),
        Reference(None, {"type": "Note"}),
    )
    assert shapes.reference([]) is None


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"content": "a"}, Text("a")),
        ({"content": ["a", "b"]}, Text("a")),
        ({"content": None, "contentMap": {"de": "b"}}, Text("b", "de")),
        ({"contentMap": {"de": "b", "en": "c"}}, Text("b", "de")),
        ({"contentMap": {"de": None, "en": "c"}}, Text("c", "en")),
        ({"content": "c", "contentMap": {"de": "b", "en": "c"}}, Text("c", "en")),
        ({"content": "a", "contentMap": {"de": "b"}}, Text("a", "de")),
        ({"content": "a", "contentMap": {"de": "b", "en": "c"}}, Text("a")),
        ({"content": "a", "contentMap": {"und": "a"}}, Text("a")),
        ({"content": "a", "contentMap": ["a"]}, Text("a")),
        ({"content": "a", "@context": {"@language": "fr"}}, Text("a", "fr")),
        ({"content": "a", "@context": {"@language": "und"}}, Text("a")),
        ({"content": ""}, None),
        ({"content": {"de": "a"}}, None),
        ({"content": 1}, None),
        ({"contentMap": {}}, None),
        ({}, None),
    ],
)
def test_a_text_is_the_property_or_else_the_first_of_its_map(document: Any, text: Text | None) -> None:
    assert shapes.text(document, "content") == text


@pytest.mark.parametrize("tag", ["de", "zh-Hant-TW", "sr-Latn", "es-419"])
def test_a_language_tag_is_kept(tag: str) -> None:
    assert shapes.language(tag) == tag


@pytest.mark.parametrize("tag", ["und", "UND", "", "x", "de_DE", "de DE", "d" * 9, "<b>", None, 1])
def test_what_is_no_language_tag_is_no_language(tag: Any) -> None:
    assert shapes.language(tag) is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2020-01-02T03:04:05Z", datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2020-01-02t03:04:05z", datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2020-01-02 03:04:05+02:00", datetime(2020, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("2020-01-02T03:04:05-0130", datetime(2020, 1, 2, 4, 34, 5, tzinfo=UTC)),
        ("2020-01-02T03:04:05.6Z", datetime(2020, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)),
        ("2020-01-02T03:04:05.123456789Z", datetime(2020, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
        ("2020-01-02T03:04:05.7576707+00:00", datetime(2020, 1, 2, 3, 4, 5, 757_670, tzinfo=UTC)),
        ("2020-01-02T03:04:05", datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2020-01-02T03:04Z", datetime(2020, 1, 2, 3, 4, tzinfo=UTC)),
        (["2020-01-02T03:04:05Z"], datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_servers_write_it(written: Any, meant: datetime) -> None:
    assert shapes.moment(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        None, 1577934245, True, "", "2020-01-02", "2020-13-01T00:00:00Z", "2020-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2020-W01-1T00:00Z",
        "2020-01-02T25:00:00Z", "2020-01-02T03:04:05+99:00", "2020-01-02T03:04:05Z ", "2020-01-02T03:04:05ZZ",
        "\uff12\uff10\uff12\uff10-01-02T03:04:05Z", "2020-01-02T03:04:05." + "1" * 100 + "Z",
        {"@value": "2020-01-02T03:04:05Z"},
    ],
)  # fmt: skip
def test_what_is_no_time_is_none_and_no_error(written: Any) -> None:
    assert shapes.moment(written) is None


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("PT3622S", 3622), ("PT1H2M3.5S", 3723), ("P1DT1S", 86_401), ("PT0S", 0)],
)
def test_a_duration_is_read_in_seconds(written: str, seconds: int) -> None:
    assert shapes.duration(written) == seconds


@pytest.mark.parametrize("written", ["P", "PT", "P1Y", "P1M", "-PT1S", "3622", 3622, None, "P999999999D"])
def test_what_is_no_duration_or_longer_than_ten_years_is_none(written: Any) -> None:
    assert shapes.duration(written) is None


@pytest.mark.parametrize("value", [True, False, -1, 1.5, "1", None, [], {}])
def test_what_counts_nothing_is_no_count(value: Any) -> None:
    assert shapes.count(value) is None


@pytest.mark.parametrize("value", ["true", 1, None, [], {}])
def test_only_true_is_true(value: Any) -> None:
    assert not shapes.flag(value)
    assert shapes.flag(value, default=True)
    assert shapes.flag(True)


@pytest.mark.parametrize(
    ("value", "link"),
    [
        (URI, Link(URI)),
        ({"type": "Link", "href": URI, "mediaType": "a/b", "rel": ["x", 1]}, Link(URI, "a/b", ("x",))),
        ({"type": "Image", "url": URI, "width": 3, "height": 4}, Link(URI, width=3, height=4)),
        ({"type": "Image", "url": [{"href": URI}, {"href": OTHER}]}, Link(URI)),
        ({"href": URI, "mimeType": "a/b", "name": "n"}, Link(URI, "a/b", name="n")),
        ({"url": {"href": {"href": URI}}}, None),
        ({"url": "javascript:alert(1)"}, None),
        ({"href": "data:text/html,x"}, None),
        ({"href": "/relative.png"}, None),
        ({}, None),
        (7, None),
    ],
)
def test_a_link_is_a_uri_a_link_or_a_thing_with_a_url(value: Any, link: Link | None) -> None:
    assert shapes.link(value) == link


def test_the_page_for_browsers_is_html_or_what_names_no_type() -> None:
    video, html, plain = Link(URI, "video/mp4"), Link(OTHER, "text/html"), Link(URI)
    assert shapes.page((video, plain, html)) == OTHER
    assert shapes.page((video, plain)) == URI
    assert shapes.page((video,)) is None
