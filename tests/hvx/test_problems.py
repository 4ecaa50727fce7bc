"""Nothing that is raised leaves the server as anything but a problem document, and none tells secrets."""

import logging
from typing import Any

import pytest
from django.core.exceptions import DisallowedHost, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404
from redis.exceptions import ConnectionError as RedisConnectionError
from rest_framework import exceptions, serializers

from accounts import queries
from audit.errors import Problem
from devices.errors import DevicePending
from hvx import answers, problems
from hvx.logs import JSONFormatter
from tests.people import API, DjangoWire, Person
from vault.errors import Sealed

SECRET = "a text that quotes what the caller sent"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DevicePending(), 403, "device_pending"),
        (Sealed(), 503, "sealed"),
        (exceptions.ParseError(), 400, "malformed_json"),
        (exceptions.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.NotAcceptable(), 406, "not_acceptable"),
        (exceptions.NotFound(), 404, "not_found"),
        (Http404(), 404, "not_found"),
        (RequestDataTooBig(), 413, "too_large"),
        (SuspiciousOperation(), 400, "bad_request"),
        (DisallowedHost(), 400, "bad_request"),
        (OperationalError(SECRET), 503, "storage_unavailable"),
        (InterfaceError(SECRET), 503, "storage_unavailable"),
        (RedisConnectionError(SECRET), 503, "storage_unavailable"),
        # These are faults of ours, and trying again would not help.
        (DataError(SECRET), 500, "server_error"),
        (IntegrityError(SECRET), 500, "server_error"),
        (RuntimeError(SECRET), 500, "server_error"),
        (UnicodeEncodeError("utf-8", SECRET, 0, 1, SECRET), 500, "server_error"),
    ],
)
def test_an_exception_becomes(error: Exception, status: int, code: str) -> None:
    problem = problems.problem_of(error)
    document = answers.document(problem)
    assert (problem.status, document["status"], document["code"]) == (status, status, code)
    assert SECRET not in str(document)


def test_field_errors_are_flat_and_name_the_whole_body() -> None:
    detail: Any = {
        "device": {"name": ["This field is required."]},
        "devices": [{}, {"certificate": ["Not a string."]}],
        "non_field_errors": ["Both or neither."],
    }
    assert problems.flatten(detail) == {
        "device.name": ["This field is required."],
        "devices.1.certificate": ["Not a string."],
        "body": ["Both or neither."],
    }
    problem = problems.problem_of(serializers.ValidationError(detail))
    assert answers.document(problem)["errors"]["device.name"] == ["This field is required."]


def test_what_nobody_expected_is_logged_without_its_text_and_told_without_it(
    person: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(queries, "own", fail)
    with caplog.at_level(logging.INFO):
        answer = person.handset.call("GET", "me")
    assert answer.refusal == (500, "server_error")
    assert SECRET.encode() not in answer.body
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    line = JSONFormatter().format(record)
    assert '"exception":"RuntimeError"' in line
    assert SECRET not in line


def test_what_fails_outside_of_a_view_is_a_problem_document_too(
    wire: DjangoWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("hvx.views.InstanceView.dispatch", fail)
    answer = wire.request("GET", API + "instance", headers={}, body=None)
    assert answer.refusal == (500, "server_error")
    assert SECRET.encode() not in answer.body


def test_every_401_brings_a_challenge(person: Person) -> None:
    refusals = [
        person.new_handset().log_in(password="wrong and long enough"),
        person.handset.call("GET", "me", authorization=False),
        person.handset.call("GET", "me", authorization="Bearer x"),
        person.handset.call("POST", "sessions", {}, proof="x"),
        person.new_handset().refresh(),
    ]
    assert [answer.status for answer in refusals] == [401] * 5
    for answer in refusals:
        assert answer.headers["www-authenticate"]


def test_a_problem_shows_only_what_it_was_given_to_show() -> None:
    problem = Problem("detail", errors={"field": ["message"]}, headers={"Retry-After": "5"})
    assert answers.document(problem) == {
        "type": "about:blank",
        "title": problem.title,
        "status": 500,
        "detail": "detail",
        "code": problem.code,
        "errors": {"field": ["message"]},
    }
