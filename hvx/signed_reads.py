"""Signed GETs, before they take a thread: whose key it is, is found out here, where waiting costs nothing.

What becomes of the signature, the view decides.
"""

from contextlib import suppress

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, HTTPScope
from django.conf import settings

from activitypub.inbox.authentication import authenticate, claim_of, signed_request
from activitypub.protocol.local_uris import SYNCHRONIZATION
from audit.errors import Problem

_ACTORS = "/users/"
# What may be shown to some and not to others, in either mode.
_OBJECTS = "/objects/"


class SignedReads:
    """ASGI for HTTP: `inner` gets a signed GET of what needs its signature once the key is here."""

    def __init__(self, inner: ASGI3Application) -> None:
        self._inner = inner

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["method"] in ("GET", "HEAD") and _needs_signature(scope["path"]) and _is_signed(scope):
            with suppress(Problem):
                await authenticate(claim_of(signed_request(scope)))
        await self._inner(scope, receive, send)


def _needs_signature(path: str) -> bool:
    if not path.startswith(_ACTORS):
        return False
    return settings.HVX_FEDERATION_SECURE_MODE or _OBJECTS in path or path.endswith(SYNCHRONIZATION)


def _is_signed(scope: HTTPScope) -> bool:
    return any(name == b"signature" for name, _ in scope["headers"])
