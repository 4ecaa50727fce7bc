"""The application as served, and two other ways of HTTP into Django to compare its bridge with."""

from typing import Any, cast

from a2wsgi import WSGIMiddleware
from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

from hvx.asgi import application

# isort: split

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler

from hvx.wsgi import application as wsgi_application

__all__ = ["application", "by_a2wsgi", "by_django"]


def _with_http(http: ASGI3Application) -> ASGI3Application:
    async def route(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await (http if scope["type"] == "http" else application)(scope, receive, send)

    return route


by_a2wsgi = _with_http(
    cast(ASGI3Application, WSGIMiddleware(cast(Any, wsgi_application), workers=settings.HVX_THREADS))
)
by_django = _with_http(cast(ASGI3Application, cast(Any, ASGIHandler())))
