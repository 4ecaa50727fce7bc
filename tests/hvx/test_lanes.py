"""Calls that hash a password wait among themselves, and everybody else goes by."""

import asyncio
import json
from typing import Any, cast

import pytest
from asgiref.typing import ASGI3Application

from hvx import lanes
from hvx.lanes import BASE, WITH_PASSWORD, Lanes
from tests.api.operations import operations

LOGIN = ("POST", BASE + "sessions")


def test_every_call_whose_body_has_a_password_is_in_the_slow_lane() -> None:
    with_password = {
        (operation.method, operation.path)
        for operation in operations()
        if operation.fields.keys() & {"password", "new_password"}
    }
    # The document tells of no DELETE that it has a body, and nothing of the administration.
    assert with_password | {("DELETE", BASE + "me"), ("POST", "/admin/login/")} == WITH_PASSWORD


class Held:
    """An application whose requests stay until they are let go."""

    def __init__(self) -> None:
        self.inside = 0
        self.let_go = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.inside += 1
        await self.let_go.wait()
        self.inside -= 1


async def through(way: Lanes, method: str, path: str) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(event: Any) -> None:
        sent.append(event)

    await way(cast(Any, {"type": "http", "method": method, "path": path}), cast(Any, None), cast(Any, send))
    return sent


def between(quick: Held, slow: Held) -> Lanes:
    return Lanes(cast(ASGI3Application, quick), cast(ASGI3Application, slow))


@pytest.mark.parametrize(
    ("method", "path", "is_slow"),
    [
        (*LOGIN, True),
        ("DELETE", BASE + "me", True),
        ("GET", BASE + "me", False),
        ("POST", BASE + "sessions/refresh", False),
        ("POST", BASE + "sessions/access-key", False),
        ("POST", BASE + "sessions/", False),
        ("GET", "/healthz", False),
    ],
)
async def test_each_call_takes_its_lane(method: str, path: str, is_slow: bool) -> None:
    quick, slow = Held(), Held()
    call = asyncio.create_task(through(between(quick, slow), method, path))
    await asyncio.sleep(0)
    assert (quick.inside, slow.inside) == ((0, 1) if is_slow else (1, 0))
    for lane in (quick, slow):
        lane.let_go.set()
    await call


async def test_who_finds_the_slow_lane_full_is_told_at_once_and_others_go_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "MOST_INSIDE", 3)
    quick, slow = Held(), Held()
    way = between(quick, slow)
    calls = [asyncio.create_task(through(way, *LOGIN)) for _ in range(3)]
    await asyncio.sleep(0)
    start, body = await through(way, *LOGIN)
    headers = dict(start["headers"])
    assert start["status"] == 503
    assert json.loads(body["body"])["code"] == "busy"
    assert headers[b"retry-after"] == b"5"
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"access-control-allow-origin"] == b"*"
    assert headers[b"content-length"] == str(len(body["body"])).encode()
    quick.let_go.set()
    assert await through(way, "POST", BASE + "sessions/refresh") == []
    # Whoever leaves makes room again.
    slow.let_go.set()
    await asyncio.gather(*calls)
    assert await through(way, *LOGIN) == []


async def test_a_call_that_fails_or_is_cancelled_makes_room_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MOST_INSIDE", 1)
    slow = Held()
    way = between(Held(), slow)
    call = asyncio.create_task(through(way, *LOGIN))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    slow.let_go.set()
    assert await through(way, *LOGIN) == []
