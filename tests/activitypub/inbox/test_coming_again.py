"""A Follow, and its Undo, that have the same id each time: signed anew each has its effect."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from activitypub.models import Follow, Received
from activitypub.services import receiving, working
from activitypub.services.receiving import Arrival, keep
from hvx.inboxes import Inboxes
from tests.activitypub.inbox.arriving import worked
from tests.activitypub.inbox.misskey import MINUTE, Misskey, accepts, arrivals, brought, follows, rows, says
from tests.activitypub.inbox.test_several import Beside
from tests.activitypub.senders import ask
from tests.people import Person


@pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])
async def test_each_follow_and_each_undo_of_a_misskey_server_has_its_effect(
    inboxes: Inboxes, misskey: Misskey, scheme: str
) -> None:
    misskey.scheme = scheme
    for time_ in (1, 2, 3):
        await says(inboxes, misskey, misskey.follow)
        follow = await Follow.objects.select_related("follower").aget()
        assert (follow.follower.uri, follow.state) == (misskey.sender.uri, "accepted")
        assert await accepts() == time_
        await says(inboxes, misskey, misskey.undo)
        assert not await follows()
    assert len(await rows()) == 2


async def test_a_sender_that_did_not_hear_the_answer_does_no_harm(inboxes: Inboxes, misskey: Misskey) -> None:
    await says(inboxes, misskey, misskey.follow, misskey.follow)
    assert await Follow.objects.acount() == 1
    assert await accepts() == 2
    await says(inboxes, misskey, misskey.undo, misskey.undo)
    assert not await follows()
    await says(inboxes, misskey, misskey.follow)
    assert await follows()


async def test_one_that_had_no_effect_may_have_it_the_next_time(inboxes: Inboxes, misskey: Misskey) -> None:
    assert (await ask(inboxes, misskey.signed(misskey.follow))).status == 202
    await Received.objects.aupdate(outcome="fetch_key_gone", body=b"", attempts=3, not_before=timezone.now())
    await says(inboxes, misskey, misskey.follow)
    assert await follows()
    (row,) = await rows()
    assert (row["attempts"], row["not_before"]) == (0, None)


async def test_it_is_worked_through_where_it_came_and_not_where_the_first_did(
    inboxes: Inboxes, misskey: Misskey
) -> None:
    await says(inboxes, misskey, misskey.follow, misskey.undo)
    between = misskey.sender.activity()
    misskey.seconds += MINUTE
    for activity in (misskey.undo, between, misskey.follow):
        assert (await ask(inboxes, misskey.signed(activity))).status == 202
    kept = [json.loads(bytes(row["body"]))["id"] for row in await rows()]
    assert kept == [misskey.undo["id"], between["id"], misskey.follow["id"]]
    assert await worked() == ["done"] * 3
    assert await follows()


async def test_it_comes_to_the_inbox_that_it_was_sent_to_this_time(
    inboxes: Inboxes, misskey: Misskey, alice: Person
) -> None:
    await says(inboxes, misskey, misskey.follow)
    misskey.seconds += MINUTE
    request = misskey.sender.post(misskey.follow, f"/users/{alice.username}/inbox")
    assert (await ask(inboxes, request)).status == 202
    (row,) = await rows()
    assert (row["recipient"], bytes(row["body"])) == (alice.username, request.body)
    assert (row["received_at"], row["outcome"]) == (misskey.received_at(), "")


# --- Many at once, and half-way ----------------------------------------------------------------------


async def test_of_two_that_are_kept_together_the_first_is_taken(inboxes: Inboxes, misskey: Misskey) -> None:
    await says(inboxes, misskey, misskey.follow, misskey.undo)
    several = await arrivals(misskey, misskey.follow, misskey.undo, misskey.follow, misskey.undo)
    await sync_to_async(keep)(several, misskey.received_at())
    assert [bytes(row["body"]) for row in await rows()] == [one.sender.body for one in several[:2]]
    assert await worked() == ["done", "done"]


async def test_two_that_nobody_knew_and_that_are_kept_together_are_one(
    inboxes: Inboxes, misskey: Misskey
) -> None:
    several = await arrivals(misskey, misskey.follow, misskey.follow)
    await sync_to_async(keep)(several, misskey.received_at())
    (row,) = await rows()
    assert row["outcome"] == ""


async def test_among_many_each_is_kept_in_its_place(inboxes: Inboxes, misskey: Misskey) -> None:
    known = misskey.sender.activity()
    await says(inboxes, misskey, misskey.follow, known)
    fresh = [misskey.sender.activity() for _ in range(6)]
    several = await arrivals(misskey, *fresh[:3], known, misskey.follow, *fresh[3:])
    await sync_to_async(keep)(several, misskey.received_at())
    waiting = [json.loads(bytes(row["body"]))["id"] for row in await rows() if not row["outcome"]]
    ids = [activity["id"] for activity in fresh]
    assert waiting == [*ids[:3], misskey.follow["id"], *ids[3:]]


async def test_where_no_id_is_known_nothing_more_is_asked(inboxes: Inboxes, misskey: Misskey) -> None:
    def statements(several: list[Arrival]) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            keep(several, misskey.received_at())
        return [query["sql"] for query in captured.captured_queries]

    others = await arrivals(misskey, *(misskey.sender.activity() for _ in range(4)))
    expected = len(await sync_to_async(statements)(others))
    several = await arrivals(misskey, misskey.follow, misskey.undo, misskey.sender.activity())
    assert len(await sync_to_async(statements)(several)) == expected
    assert len(await sync_to_async(statements)(await arrivals(misskey, misskey.follow))) == expected + 1


async def test_one_that_was_not_kept_to_the_end_leaves_what_was_and_may_come_once_more(
    inboxes: Inboxes, misskey: Misskey, monkeypatch: pytest.MonkeyPatch
) -> None:
    await says(inboxes, misskey, misskey.follow, misskey.undo)
    before = await rows()
    real = receiving._keep_anew

    def dies(*what: Any) -> None:
        real(*what)
        raise OperationalError("cut off")

    misskey.seconds += MINUTE
    request = misskey.signed(misskey.follow)
    with monkeypatch.context() as patched:
        patched.setattr(receiving, "_keep_anew", dies)
        assert (await ask(inboxes, request)).status == 503
    assert await rows() == before
    await brought(inboxes, request)
    assert await follows()


async def test_a_worker_that_dies_over_one_leaves_it_to_the_next(
    inboxes: Inboxes, misskey: Misskey, monkeypatch: pytest.MonkeyPatch
) -> None:
    await says(inboxes, misskey, misskey.follow, misskey.undo)
    misskey.seconds += MINUTE
    assert (await ask(inboxes, misskey.signed(misskey.follow))).status == 202
    waits = await rows()

    def dies(batch: Any) -> None:
        raise OperationalError("cut off")

    with monkeypatch.context() as patched:
        patched.setattr(working._Batch, "write_down", dies)
        with pytest.raises(OperationalError):
            await worked()
    assert await rows() == waits
    assert not await follows()
    assert await worked() == ["done", "done"]
    assert await follows()
    assert await accepts() == 2


@pytest.mark.skipif(not settings.CLUSTER, reason="on SQLite one writes at a time")
async def test_of_two_processes_that_take_it_at_once_one_does(inboxes: Inboxes, misskey: Misskey) -> None:
    await says(inboxes, misskey, misskey.follow)
    first, second = await arrivals(misskey, misskey.follow, misskey.follow)

    def together() -> None:
        with transaction.atomic():
            keep([first], misskey.received_at())
            other = Beside(lambda: keep([second], misskey.received_at()))
        other.end()

    await sync_to_async(together)()
    (row,) = await rows()
    assert row["outcome"] == ""
    assert await worked() == ["done"]
    assert await accepts() == 2
