"""Who is signed in to the administration. Nothing outside of it knows a cookie."""

from collections.abc import Callable
from typing import Any

from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from audit.context import acted_by
from hvx.answers import ADMINISTRATION

Handler = Callable[[HttpRequest], HttpResponseBase]

# Its own styles and scripts, and nothing that stands in a page: what people elsewhere wrote is shown there.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    # With no referrer at all browsers send no origin either, by which Django knows its own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Nobody:
    """Who has not signed in."""

    is_active = is_staff = is_authenticated = False
    is_anonymous = True

    def get_username(self) -> str:
        return ""


def administration(get_response: Handler) -> Handler:
    """The middleware around the administration's addresses."""
    inner: Handler = SessionMiddleware(_known(MessageMiddleware(get_response)))  # type: ignore[arg-type,assignment]

    def respond(request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(ADMINISTRATION):
            return get_response(request)
        response = inner(request)
        for name, value in HEADERS.items():
            response[name] = value
        return response

    return respond


def _known(get_response: Handler) -> Handler:
    def respond(request: HttpRequest) -> HttpResponseBase:
        session: Any = request.session
        operator = session.operator
        request.user = operator or Nobody()  # type: ignore[assignment]
        with acted_by(operator.name if operator else ""):
            return get_response(request)

    return respond
