"""The application as served, but with HTTP by Django's own ASGI handler instead of the bridge."""

from typing import Any, cast

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

from hvx.asgi import application  # sets Django up, which all below needs

# isort: split

from django.core.handlers.asgi import ASGIHandler

__all__ = ["application", "without_bridge"]

_django = cast(ASGI3Application, cast(Any, ASGIHandler()))


async def without_bridge(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    await (_django if scope["type"] == "http" else application)(scope, receive, send)
