"""The sealed server's answers, beside those of the open one."""

import json
import logging
from typing import Any, cast

import pytest
from django.test import Client

from hvx.answers import document
from hvx.logs import JSONFormatter
from hvx.serving.sealed_app import SUBPROTOCOL, application
from keyexchange import consumers
from vault.errors import Sealed

PREFLIGHT = [(b"access-control-request-method", b"POST"), (b"origin", b"https://elsewhere.example")]


async def ask(
    method: str, path: str, headers: list[tuple[bytes, bytes]] | None = None
) -> tuple[int, Any, bytes]:
    """Status, headers and body of an answer to a request whose body is never read."""
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("a sealed server reads no body")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": headers or []}
    await application(cast(Any, scope), receive, send)
    start, body = sent
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body["body"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW"])
@pytest.mark.parametrize(
    "path", ["/", "/api/hvx/v1/sessions", "/metrics", "/static/hvx/page.css", "/nowhere"]
)
async def test_every_call_is_refused_with_the_problem_that_any_call_may_answer(
    method: str, path: str
) -> None:
    status, headers, body = await ask(method, path)
    assert status == 503
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body) == document(Sealed())
    assert int(headers["retry-after"]) > 0


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_says_sealed(path: str) -> None:
    status, headers, body = await ask("GET", path)
    assert (status, json.loads(body)) == (503, {"status": "sealed"})
    assert headers["content-type"] == "application/json"


async def test_the_log_names_nobody_that_a_path_names(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="hvx.request"):
        for path in ("/api/hvx/v1/accounts/somebody", "/healthz"):
            await ask("GET", path)
    lines = [JSONFormatter().format(record) for record in caplog.records if record.name == "hvx.request"]
    assert [json.loads(line)["path"] for line in lines] == ["unknown", "/healthz"]
    assert "somebody" not in "".join(lines)


async def test_an_answer_carries_the_headers_of_the_open_servers_but_what_needs_a_secret(
    client: Client,
) -> None:
    of_open = {name.lower(): value for name, value in client.get("/healthz").headers.items()}
    _, headers, body = await ask("GET", "/healthz")
    assert set(of_open) - set(headers) <= {"dpop-nonce"}
    assert set(headers) - set(of_open) == {"retry-after"}
    own = {"content-length", "x-request-id", "retry-after"}
    assert {name: headers[name] for name in set(headers) - own} == {
        name: of_open[name] for name in set(headers) - own
    }
    assert int(headers["content-length"]) == len(body)
    assert len(headers["x-request-id"]) == 16


async def test_a_page_elsewhere_may_ask_before_it_calls_and_so_learn_why_it_is_refused(
    client: Client,
) -> None:
    status, headers, body = await ask("OPTIONS", "/api/hvx/v1/sessions", PREFLIGHT)
    of_open = client.options("/api/hvx/v1/sessions", headers={"access-control-request-method": "POST"})
    assert (status, body) == (of_open.status_code, of_open.content) == (204, b"")
    for name in (
        "Access-Control-Allow-Methods",
        "Access-Control-Allow-Headers",
        "Access-Control-Allow-Origin",
    ):
        assert headers[name.lower()] == of_open[name]


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([SUBPROTOCOL, "hvx.bearer.token"], SUBPROTOCOL),
        (["hvx.bearer.token", SUBPROTOCOL], SUBPROTOCOL),
        # A token is never echoed.
        (["hvx.bearer.token"], None),
        ([], None),
    ],
)
async def test_a_socket_is_accepted_and_closed_with_the_reason(
    offered: list[str], chosen: str | None
) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/ws/keyexchange", "subprotocols": offered, "headers": []}
    await application(cast(Any, scope), receive, send)
    accepted, closed = sent
    assert (accepted["type"], accepted["subprotocol"]) == ("websocket.accept", chosen)
    assert (closed["type"], closed["code"], closed["reason"]) == ("websocket.close", 1013, "sealed")


def test_the_subprotocol_is_the_open_servers() -> None:
    assert SUBPROTOCOL == consumers.SUBPROTOCOL
