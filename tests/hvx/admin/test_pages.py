"""Every page of the administration: who sees it, and what goes with it."""

import re
from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.urls import URLPattern, URLResolver, get_resolver

from tests.desk import Desk, text
from tests.people import Person

OPEN_TO_ALL = {"/admin/login/"}


def addresses(patterns: Iterable[Any], before: str = "/") -> Iterable[str]:
    for pattern in patterns:
        address = f"{before}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, address)
        elif isinstance(pattern, URLPattern) and address.startswith("/admin/"):
            yield re.sub(r"<\w+:act>", "remove", re.sub(r"<\w+:(?!act)\w+>", "1", address))


ADDRESSES = sorted(addresses(get_resolver().url_patterns))


def test_there_are_pages() -> None:
    assert {"/admin/", "/admin/federation/", "/admin/activitypub/report/", "/admin/audit/"} <= {*ADDRESSES}


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_gets_further_than_the_sign_in(stranger: Desk, address: str, method: str) -> None:
    stranger.get("/admin/login/")
    answer = stranger.get(address) if method == "GET" else stranger.post(address)
    if address in OPEN_TO_ALL:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/?next=")


@pytest.mark.parametrize("address", ["/admin/", "/admin/federation/"])
def test_a_persons_token_opens_nothing_here(person: Person, address: str) -> None:
    answer = Desk().client.get(address, headers={"Authorization": f"Bearer {person.handset.token}"})
    assert answer.status_code == 302


@pytest.mark.parametrize("address", [one for one in ADDRESSES if "1" not in one and one != "/admin/login/"])
def test_an_operator_sees_every_page(desk: Desk, address: str) -> None:
    answer = desk.get(address)
    expected = {"/admin/logout/": 405, "/admin/": 302}.get(address, 200)
    assert answer.status_code == expected, text(answer)


def test_a_page_loads_nothing_from_elsewhere_and_runs_nothing_that_stands_in_it(desk: Desk) -> None:
    for address in ("/admin/login/", *(one for one in ADDRESSES if "1" not in one)):
        answer = desk.get(address)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "<style" not in text(answer)
        assert re.search(r"\son\w+=|javascript:|<script>|\sstyle=", text(answer)) is None
        assert re.search(r'(?:src|href)="(?:https?:)?//', text(answer)) is None


def test_every_file_that_a_page_names_is_there(desk: Desk) -> None:
    named = set()
    for address in ("/admin/login/", *(one for one in ADDRESSES if "1" not in one)):
        named |= set(re.findall(r'(?:src|href)="/static/([^"]+)"', text(desk.get(address))))
    assert len(named) > 10
    assert [name for name in named if finders.find(name) is None] == []


def test_no_page_of_another_origin_may_call_the_administration(desk: Desk) -> None:
    answer = desk.get("/admin/federation/")
    assert "Access-Control-Allow-Origin" not in answer
    asked = desk.client.options("/admin/", headers={"Access-Control-Request-Method": "POST"})
    assert "Access-Control-Allow-Origin" not in asked
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cache-Control"] == "no-store"


def test_what_is_no_page_is_not_found(desk: Desk) -> None:
    for address in (
        "/admin/activitypub/host/1/",
        "/admin/activitypub/report/1/",
        "/admin/activitypub/actor/no-number/",
        "/admin/activitypub/post/1/do/remove/",
        "/admin/federation/host/no host/",
        "/admin/federation/host/near.example/do/destroy/",
        "/admin/password_change/",
        "/admin/autocomplete/",
        "/admin/r/1/1/",
        "/admin/elsewhere/",
    ):
        assert desk.get(address).status_code == 404, address


def test_the_api_still_sets_no_cookie(desk: Desk) -> None:
    answer = desk.get("/api/hvx/v1/instance")
    assert not answer.cookies
    assert answer["Access-Control-Allow-Origin"] == "*"


def test_every_page_leads_to_all_others_where_there_is_no_room_beside_too(desk: Desk) -> None:
    page = text(desk.get("/admin/federation/"))
    narrow = page.partition('<nav class="pages"')[2].partition("</nav>")[0]
    named = set(re.findall(r'href="([^"]+)"', narrow))
    assert {
        "/admin/federation/",
        "/admin/activitypub/report/",
        "/admin/accounts/account/",
        "/admin/audit/",
    } <= named
    assert named == set(
        re.findall(r'href="([^"]+)"', page.partition('id="nav-sidebar"')[2].partition("</nav>")[0])
    )
    assert '<nav class="pages"' not in text(Desk().get("/admin/login/"))
