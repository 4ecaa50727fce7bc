"""The dry run of a delivery at the administration: one at a time, and not for ever."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from activitypub.admin import overview
from activitypub.delivery import checking
from activitypub.delivery.checking import Mark, Step
from activitypub.models import Delivery, Sent
from activitypub.services.actors import make_missing
from tests.desk import Desk, text

PAGE = "/admin/federation/check/"


def tried(desk: Desk, handle: str) -> str:
    desk.get(PAGE)
    answer = desk.post(PAGE, {"handle": handle})
    assert answer.status_code == 200
    return text(answer)


@pytest.mark.parametrize(
    "typed", ["", "bob", "bob@", "https://near.example/users/bob", "bob@near.example/../"]
)
def test_what_is_no_handle_is_said_in_the_form(desk: Desk, typed: str) -> None:
    assert 'class="errorlist"' in tried(desk, typed)


def test_two_do_not_run_at_once(desk: Desk) -> None:
    with overview._checking:
        assert "Another dry run is under way" in tried(desk, "bob@near.example")
    assert "Another dry run is under way" not in tried(desk, "nobody")


def test_one_that_hangs_ends_and_shows_as_far_as_it_came(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hanging(handle: str) -> AsyncIterator[Step]:
        yield Step(Mark.GOOD, f"asked for {handle}")
        await asyncio.Event().wait()

    monkeypatch.setattr(checking, "check", hanging)
    monkeypatch.setattr(overview, "CHECK_SECONDS", 0.05)
    page = tried(desk, "@bob@near.example")
    assert "asked for bob@near.example" in page
    assert "this is as far as it came" in page
    assert not overview._checking.locked()


@pytest.mark.django_db(transaction=True)
def test_a_dry_run_says_what_it_finds_and_sends_nothing(desk: Desk) -> None:
    make_missing()
    page = tried(desk, "bob@127.0.0.1")
    assert "FAULT" in page
    assert "HVX_ORIGIN is http://localhost:8000" in page
    assert not Sent.objects.exists()
    assert not Delivery.objects.exists()
