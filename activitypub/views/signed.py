"""Who signed a GET: for addresses that secure mode shows to none but signers, or that show more to some.

In a thread no key is fetched. `hvx` has done that in its loop, before the request came here.
"""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from activitypub.errors import KeyUnavailable, SignatureRefused
from activitypub.inbox.authentication import Authenticated, authenticate_known, claim_of
from activitypub.protocol.negotiation import Form, wanted
from activitypub.protocol.signatures.messages import SignedRequest
from activitypub.views.base import FederationView
from devices.authentication import TokenAuthentication
from devices.errors import DevicePending
from devices.principal import Principal

_TOKENS = ("bearer", "dpop")


class SignatureAuthentication(BaseAuthentication):
    """`request.user` is the Authenticated actor that signed. Raises SignatureRefused, HostSuspended."""

    def authenticate(self, request: Request) -> tuple[Authenticated, None]:
        return authenticate_known(claim_of(_as_signed(request._request))), None


class _OwnClient(TokenAuthentication):
    """A person's own client, which has no key to sign by. Raises what a token is refused for."""

    def authenticate(self, request: Request) -> tuple[Principal, None]:
        speaker, nothing = super().authenticate(request)
        if speaker.is_pending:
            raise DevicePending
        return speaker, nothing


class GuardedView(FederationView):
    """An address whose documents secure mode shows to none but signers and people of this server. A page is
    for everybody."""

    def get_authenticators(self) -> list[BaseAuthentication]:
        asked = self.request
        if not settings.HVX_FEDERATION_SECURE_MODE or self.shows_page(asked):
            return []
        scheme = asked.headers.get("Authorization", "").partition(" ")[0].lower()
        return [_OwnClient() if scheme in _TOKENS else SignatureAuthentication()]

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        if settings.HVX_FEDERATION_SECURE_MODE and not self.shows_page(self.request):
            # A cache in between would show it to those who do not sign.
            response["Cache-Control"] = "private, no-store"
        return response

    def shows_page(self, request: HttpRequest) -> bool:
        """Whether what is asked for is the page for browsers."""
        return False


class GuardedPageView(GuardedView):
    """One that also has a page for browsers at its address."""

    def shows_page(self, request: HttpRequest) -> bool:
        return wanted(request.headers.get("Accept", "")) is Form.PAGE


def reader(request: HttpRequest) -> Authenticated | None:
    """Who signed a GET, or None where nobody has, or not as it must be: such a one sees what all may see."""
    with suppress(SignatureRefused, KeyUnavailable):
        return authenticate_known(claim_of(_as_signed(request)))
    return None


def _as_signed(request: HttpRequest) -> SignedRequest:
    return SignedRequest(
        method=request.method or "",
        target=request.get_full_path(),
        authority=settings.HVX_HOST,
        headers=tuple(request.headers.items()),
        scheme=settings.HVX_ORIGIN.partition(":")[0],
    )
