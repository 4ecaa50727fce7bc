"""What a server says of itself."""

from typing import Any

import pytest

from activitypub.protocol import nodeinfo
from activitypub.protocol.nodeinfo import SCHEMA, Software, Usage


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"software": None},
        {"software": "mastodon"},
        {"software": {"version": "1"}},
        {"software": {"name": 1}},
        {"software": {"name": "x" * 256}},
    ],
)
def test_software_without_a_name_is_unknown(document: dict[str, Any]) -> None:
    assert nodeinfo.software(document) is None


def test_a_name_is_lower_case_and_a_version_is_cut() -> None:
    stated = {"software": {"name": "Mastodon", "version": "4" * 300}}
    assert nodeinfo.software(stated) == Software("mastodon", "4" * 255)


@pytest.mark.parametrize(
    "links",
    [
        None, [], [{}], ["x"], [{"rel": f"{SCHEMA}2.1"}], [{"rel": f"{SCHEMA}9.9", "href": "https://a.example/"}],
        [{"rel": f"{SCHEMA}2.1", "href": "/nodeinfo/2.1"}], [{"rel": ["x"], "href": {}}],
    ],
)  # fmt: skip
def test_an_index_without_an_address_of_a_known_version_leads_nowhere(links: Any) -> None:
    assert nodeinfo.address({"links": links}) is None


def test_of_several_versions_the_newest_that_is_known_is_read() -> None:
    links = [
        {"rel": f"{SCHEMA}{version}", "href": f"https://a.example/{version}"}
        for version in ("1.0", "9.9", "2.1", "2.0")
    ]
    assert nodeinfo.address({"links": links}) == "https://a.example/2.1"


def test_what_we_tell_is_found_and_read_back() -> None:
    assert nodeinfo.address(nodeinfo.well_known("https://a.example")) == "https://a.example/nodeinfo/2.1"
    document = nodeinfo.document(
        Software("hvx", "1.0"), "https://a.example", "https://code.example/hvx",
        open_registrations=True, usage=Usage(4, 3, 2, 1),
    )  # fmt: skip
    assert nodeinfo.software(document) == Software("hvx", "1.0")
    assert document["usage"] == {
        "users": {"total": 4, "activeMonth": 3, "activeHalfyear": 2}, "localPosts": 1
    }  # fmt: skip
    assert (document["version"], document["protocols"], document["openRegistrations"]) == (
        "2.1", ["activitypub"], True,
    )  # fmt: skip


def test_an_address_that_is_empty_is_left_out() -> None:
    document = nodeinfo.document(
        Software("hvx", "1.0"), "", "", open_registrations=False, usage=Usage(0, 0, 0, 0)
    )
    assert document["software"] == {"name": "hvx", "version": "1.0"}
