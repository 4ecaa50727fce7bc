"""What stands in front of Django takes POSTs to inboxes, and passes all else on."""

from dataclasses import replace
from typing import Any

import pytest

from hvx.answers import SAFETY
from hvx.inboxes import Inboxes
from tests.activitypub.senders import ask, unsigned_post


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/inbox"),
        ("OPTIONS", "/users/alice/inbox"),
        ("GET", "/users/alice/inbox"),
        ("POST", "/users/alice/outbox"),
        ("POST", "/inbox/"),
        ("POST", "/users//inbox"),
        ("POST", "/users/alice/x/inbox"),
        ("POST", "/api/hvx/v1/inbox"),
    ],
)
async def test_all_that_is_no_post_to_an_inbox_goes_on(method: str, path: str) -> None:
    passed = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        passed.append((scope["method"], scope["path"]))

    await ask(Inboxes(inner), replace(unsigned_post({}), method=method, target=path))
    assert passed == [(method, path)]


async def test_an_answer_has_an_id_and_the_headers_of_every_answer() -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    answer = await ask(Inboxes(inner), unsigned_post({}))
    assert answer.status == 401
    assert len(answer.headers["x-request-id"]) == 16
    for name, value in SAFETY.items():
        assert answer.headers[name.lower()] == value
    assert answer.headers["content-length"] == str(len(answer.body))
