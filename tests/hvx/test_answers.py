"""What every answer carries, and what none does."""

import json
import logging
from collections.abc import Mapping

import pytest
from pytest_django.fixtures import Settings

from hvx.logs import JSONFormatter
from tests.people import API, Answer, DjangoWire, Person


def ask(wire: DjangoWire, method: str, path: str, headers: Mapping[str, str] | None = None) -> Answer:
    return wire.request(method, API + path, headers=headers or {}, body=None)


@pytest.mark.parametrize("path", ["instance", "me", "nothing", "accounts/nobody"])
def test_every_answer_is_guarded_numbered_and_sets_no_cookie(wire: DjangoWire, path: str) -> None:
    answer = ask(wire, "GET", path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["x-request-id"] != ask(wire, "GET", path).headers["x-request-id"]


def test_an_answer_without_a_body_tells_no_length(person: Person) -> None:
    phone = person.certified_handset()
    answer = phone.log_out().expect(204)
    assert answer.body == b""
    assert "content-length" not in answer.headers


def test_the_log_line_of_a_request_has_its_id_and_no_query_token_or_address(
    person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="hvx.request"):
        answer = person.handset.call("GET", "devices?cursor=somethingprivate")
    [record] = [record for record in caplog.records if record.name == "hvx.request"]
    line = JSONFormatter().format(record)
    told = json.loads(line)
    assert (told["method"], told["path"], told["status"]) == ("GET", API + "devices", answer.status)
    for private in ("somethingprivate", person.handset.token, person.email, "127.0.0.1"):
        assert private not in line


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("GET", API + "devices/somebody", API + "devices/{device}"),
        ("POST", API + "devices/somebody/revoke", API + "devices/{device}/revoke"),
        ("GET", API + "accounts/somebody", API + "accounts/{username}"),
        ("DELETE", API + "me/passkeys/somebody", API + "me/passkeys/{id}"),
        ("OPTIONS", API + "accounts/somebody/devices", API + "accounts/{username}/devices"),
        ("GET", API + "nowhere/somebody", "unknown"),
        ("GET", "/somebody", "unknown"),
        ("GET", "/static/somebody.js", "/static/"),
        ("GET", "/", "/"),
    ],
)
def test_the_log_names_the_route_and_not_who_stands_in_the_path(
    wire: DjangoWire, caplog: pytest.LogCaptureFixture, method: str, path: str, told: str
) -> None:
    headers = {"Access-Control-Request-Method": "GET"} if method == "OPTIONS" else {}
    with caplog.at_level(logging.INFO, logger="hvx.request"):
        wire.request(method, path, headers=headers, body=None)
    [record] = [record for record in caplog.records if record.name == "hvx.request"]
    line = JSONFormatter().format(record)
    assert json.loads(line)["path"] == told
    assert "somebody" not in line


def test_the_instance_says_what_it_is(wire: DjangoWire) -> None:
    told = ask(wire, "GET", "instance").expect(200).json
    assert told.keys() == {"name", "origin", "version", "software", "rules", "limits", "registration"}
    assert (told["origin"], told["software"], told["registration"]) == (wire.origin, "hvx", "open")
    assert told["limits"].keys() == {
        "body_bytes",
        "public_key_bytes",
        "frame_bytes",
        "password_characters",
    }


@pytest.mark.parametrize("mode", ["open", "closed", "invite"])
def test_the_instance_says_who_may_register(wire: DjangoWire, settings: Settings, mode: str) -> None:
    settings.HVX_REGISTRATION = mode
    assert ask(wire, "GET", "instance").json["registration"] == mode
