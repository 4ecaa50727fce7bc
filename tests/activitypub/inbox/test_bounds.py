"""What an inbox spends on strangers: bounded in requests, bytes, time and waiting."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from activitypub.inbox import application, receiving
from activitypub.models import Received
from activitypub.protocol.documents.reading import MAX_BYTES
from activitypub.remote import keys
from activitypub.threads import in_database
from activitypub.turns import Turn
from hvx.inboxes import Inboxes
from tests.activitypub.fetching.peer import Peer
from tests.activitypub.senders import Sender, ask


def part(body: bytes, more: bool = True) -> Mapping[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_that_does_not_come_ends_in_time(
    inboxes: Inboxes, bob: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "BODY_SECONDS", 0.05)
    request = bob.post()
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/inbox",
        "raw_path": b"/inbox",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in request.headers],
    }
    first, sent = [part(request.body[:10])], []

    async def receive() -> Mapping[str, Any]:
        if first:
            return first.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(event: Mapping[str, Any]) -> None:
        sent.append(event)

    await inboxes(scope, receive, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


async def test_a_body_that_is_too_long_is_dropped_as_it_comes(
    inboxes: Inboxes, bob: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "MOST_DROPPED", 3 * MAX_BYTES)
    taken = 0

    def coming() -> Any:
        nonlocal taken
        while True:
            taken += 1
            yield part(b" " * MAX_BYTES)

    answer = await ask(inboxes, bob.post(), parts=coming())
    assert (answer.status, answer.problem["code"]) == (413, "activity_too_large")
    assert taken < 8


async def test_more_requests_than_there_is_room_for_are_sent_away(
    inboxes: Inboxes, bob: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "MOST_INSIDE", 4)
    answers = await asyncio.gather(*(ask(inboxes, bob.post()) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [202] * 4 + [503] * 6
    busy = next(answer for answer in answers if answer.status == 503)
    assert (busy.problem["code"], busy.headers["retry-after"]) == ("inbox_busy", "10")
    assert (await ask(inboxes, bob.post())).status == 202


async def test_more_bytes_than_there_is_room_for_are_sent_away(
    inboxes: Inboxes, bob: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "MOST_BYTES", 1)
    answers = await asyncio.gather(*(ask(inboxes, bob.post()) for _ in range(3)))
    assert sorted(answer.status for answer in answers) == [202, 503, 503]
    assert (await ask(inboxes, bob.post())).status == 202


async def test_one_host_that_hangs_does_not_hold_all_who_wait_for_keys(
    inboxes: Inboxes, bob: Sender, mallory: Sender, elsewhere: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "MOST_WAITING_PER_HOST", 3)
    asked = asyncio.Semaphore(0)

    async def hang(_: asyncio.StreamWriter) -> None:
        asked.release()
        await asyncio.Event().wait()

    slow = [Sender(elsewhere, f"slow{number}", mallory.key) for number in range(3)]
    for sender in slow:
        elsewhere.answers[f"/users/{sender.name}"] = hang
    hanging = [asyncio.create_task(ask(inboxes, sender.post())) for sender in slow]
    for _ in slow:
        await asked.acquire()
    answer = await ask(inboxes, mallory.post())
    assert (answer.status, answer.problem["reason"]) == (503, "try_later")
    assert (await ask(inboxes, bob.post())).status == 202
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    assert keys._waiting.total() == 0
    assert (await ask(inboxes, mallory.post())).status == 202


async def test_what_could_not_be_written_is_not_accepted(
    inboxes: Inboxes, bob: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(receiving, "keep", fail)
        answers = await asyncio.gather(*(ask(inboxes, bob.post()) for _ in range(5)))
    assert {answer.status for answer in answers} == {503}
    assert answers[0].problem["code"] == "storage_unavailable"
    assert "retry-after" in answers[0].headers
    assert b"disk" not in answers[0].body
    assert not await sync_to_async(Received.objects.exists)()
    assert (await ask(inboxes, bob.post())).status == 202


async def test_who_works_through_what_came_in_has_the_turn_once_nothing_more_comes(
    inboxes: Inboxes, bob: Sender
) -> None:
    await asyncio.gather(*(ask(inboxes, bob.post()) for _ in range(20)))
    other = Turn()
    # Waits for as long as it is held here.
    await in_database(other.take)
    waiting = asyncio.create_task(ask(inboxes, bob.post()))
    other.give()
    assert (await waiting).status == 202
