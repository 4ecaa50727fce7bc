"""Every refusal as RFC 9457 `application/problem+json`: from our Problems, DRF's and Django's errors."""

import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from audit.errors import Problem, StorageUnavailable
from devices.authentication import CHALLENGES
from devices.errors import TooLarge
from devices.parsers import dumps
from hvx.answers import CONTENT_TYPE, document
from keyexchange.errors import RedisError

log = logging.getLogger("hvx.problems")


class NotFound(Problem):
    status, code, title = 404, "not_found", "There is nothing at this address"


class MethodNotAllowed(Problem):
    status, code, title = 405, "method_not_allowed", "This address takes other methods"


class MalformedJSON(Problem):
    status, code, title = 400, "malformed_json", "The body is not JSON"


class BadRequest(Problem):
    status, code, title = 400, "bad_request", "The request cannot be read"


class UnsupportedMediaType(Problem):
    status, code, title = 415, "unsupported_media_type", "The body must be application/json"


class NotAcceptable(Problem):
    status, code, title = 406, "not_acceptable", "No representation that was asked for exists"


class InvalidFields(Problem):
    status, code, title = 422, "invalid_fields", "Some fields are missing or wrong"


class ServerError(Problem):
    status, code, title = 500, "server_error", "The server failed; the request id finds it in the log"


def flatten(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """DRF's nested error details as {dotted field: [message, …]}."""
    if isinstance(detail, dict):
        found: dict[str, list[str]] = {}
        for name, inner in detail.items():
            key = "body" if name == "non_field_errors" else str(name)
            found.update(flatten(inner, f"{prefix}.{key}" if prefix else key))
        return found
    if isinstance(detail, list):
        found = {}
        for position, inner in enumerate(detail):
            if isinstance(inner, dict | list):
                found.update(flatten(inner, f"{prefix}.{position}" if prefix else str(position)))
            else:
                found.setdefault(prefix or "body", []).append(str(inner))
        return found
    return {prefix or "body": [str(detail)]}


def problem_of(error: Exception) -> Problem:
    """The problem that stands for an exception; ServerError for one that nobody expected."""
    match error:
        case Problem():
            return error
        case exceptions.ValidationError():
            return InvalidFields(errors=flatten(error.detail))
        case exceptions.ParseError():
            return MalformedJSON()
        case exceptions.UnsupportedMediaType():
            return UnsupportedMediaType()
        case exceptions.MethodNotAllowed():
            return MethodNotAllowed()
        case exceptions.NotAcceptable():
            return NotAcceptable()
        case exceptions.NotFound() | Http404():
            return NotFound()
        case RequestDataTooBig():
            return TooLarge()
        case SuspiciousOperation():
            return BadRequest()
        case OperationalError() | InterfaceError() | RedisError():
            return StorageUnavailable(headers={"Retry-After": "5"})
        case _:
            return ServerError()


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's hook: nothing raised in a view leaves it as anything but a problem document."""
    problem = problem_of(error)
    if problem.status >= 500 and problem is not error:
        log.error("a request failed", exc_info=error)
    set_rollback()
    if problem.status == 401:
        # RFC 9110 §11.6.1 wants a challenge with every 401.
        problem.headers.setdefault("WWW-Authenticate", CHALLENGES["WWW-Authenticate"])
    return Response(
        document(problem),
        status=problem.status,
        headers=problem.headers,
        content_type=CONTENT_TYPE,
    )


def _plain(problem: Problem) -> HttpResponse:
    return HttpResponse(dumps(document(problem)), status=problem.status, content_type=CONTENT_TYPE)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _plain(NotFound())


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _plain(BadRequest())


def handler500(request: HttpRequest) -> HttpResponse:
    return _plain(ServerError())
