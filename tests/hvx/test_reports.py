"""What is shown of an exception, by Django's own pages too."""

import asyncio
import gc
import logging
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path
from django.views.debug import get_exception_reporter_filter, technical_500_response

from hvx.logs import JSONFormatter

HIDDEN = "planted-in-a-local-variable"
SENT = "planted-in-the-request"
SAID = "planted-in-the-exception"
SET = "planted-in-the-settings"


def fails(request: HttpRequest) -> HttpResponse:
    local = SimpleNamespace(key=HIDDEN)
    raise ValueError(f"{SAID} {local is None}")


urlpatterns = [path("fails", fails)]


@pytest.fixture
def debugging() -> Iterator[None]:
    with override_settings(DEBUG=True, ROOT_URLCONF=__name__, HVX_METRICS_TOKEN=SET):
        yield


def shown(accept: str) -> str:
    client = Client(raise_request_exception=False)
    answer = client.post(
        f"/fails?q={SENT}",
        {"password": SENT},
        headers={"accept": accept, "authorization": SENT, "cookie": SENT},
    )
    assert answer.status_code == 500
    return answer.content.decode()


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_djangos_debug_page_shows_kind_and_places_and_nothing_else(debugging: None, accept: str) -> None:
    text = shown(accept)
    assert "ValueError" in text
    assert f"{__file__.rpartition('/')[2]}" in text
    for planted in (HIDDEN, SENT, SAID, SET):
        assert planted not in text


def test_the_debug_page_of_an_unknown_address_shows_no_setting_and_no_header(debugging: None) -> None:
    answer = Client(headers={"authorization": SENT}).get(f"/nowhere?q={SENT}")
    assert answer.status_code == 404
    assert SET not in answer.content.decode()
    assert f"Bearer {SENT}" not in answer.content.decode()


def test_what_asks_djangos_filter_gets_nothing(debugging: None) -> None:
    request = RequestFactory().post("/", {"password": SENT})
    request.COOKIES["session"] = SENT
    chosen = get_exception_reporter_filter(request)
    frame = sys._getframe()
    asked = [
        chosen.get_safe_settings(),
        chosen.get_safe_request_meta(request),
        chosen.get_safe_cookies(request),
        chosen.get_post_parameters(request),
        dict(chosen.get_traceback_frame_variables(request, frame)),
    ]
    assert asked == [{}, {}, {}, {}, {}]


def test_an_exception_whose_cause_holds_a_secret_shows_neither(debugging: None) -> None:
    try:
        try:
            raise KeyError(HIDDEN)
        except KeyError as cause:
            raise RuntimeError(SAID) from cause
    except RuntimeError:
        answer = technical_500_response(RequestFactory().get("/"), *sys.exc_info())
    text = answer.content.decode()
    assert "RuntimeError" in text
    assert HIDDEN not in text
    assert SAID not in text


async def test_what_asyncio_and_uvicorn_log_of_a_failure_has_neither_its_text_nor_its_arguments(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def failing(argument: str) -> None:
        raise ValueError(SAID)

    async def failing_task() -> None:
        failing(HIDDEN)

    loop = asyncio.get_running_loop()
    loop.call_soon(failing, HIDDEN)
    task = loop.create_task(failing_task())
    await asyncio.wait([task])
    del task
    gc.collect()
    try:
        failing(HIDDEN)
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    lines = [JSONFormatter().format(record) for record in caplog.records]
    assert {record.name for record in caplog.records} == {"asyncio", "uvicorn.error"}
    assert len(lines) == 3
    assert any("never retrieved" in line for line in lines)
    assert any("Exception in callback" in line for line in lines)
    assert all("ValueError" in line for line in lines)
    for planted in (SAID, HIDDEN):
        assert not any(planted in line for line in lines)
