"""Who of a host follows an actor of ours, for that host (FEP-8fcf)."""

from django.http import HttpResponse
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from activitypub import rendering
from activitypub.errors import ActorSuspended
from activitypub.inbox.authentication import Authenticated
from activitypub.protocol.local_uris import SYNCHRONIZATION
from activitypub.protocol.uris import origin_of
from activitypub.queries import actors, followers
from activitypub.views.base import FederationView, answer
from activitypub.views.signed import SignatureAuthentication


class SynchronizationView(FederationView):
    def get_authenticators(self) -> list[BaseAuthentication]:
        # Always: whoever asks is shown those of their own host, and nobody those of another.
        return [SignatureAuthentication()]

    def get(self, request: Request, username: str) -> HttpResponse:
        """The whole of the collection that concerns the host of whoever signed."""
        actor = actors.of_username(username)
        if actor.suspended_at is not None:
            raise ActorSuspended
        asking = origin_of(_signer(request).actor_uri)
        there = followers.at_host(actor.pk, asking.authority) if asking is not None else ()
        response = answer(
            {
                "@context": rendering.STREAMS,
                "id": f"{actor.uri}/{SYNCHRONIZATION}",
                "type": "OrderedCollection",
                "totalItems": len(there),
                "orderedItems": list(there),
            }
        )
        response["Cache-Control"] = "private, no-store"
        return response


def _signer(request: Request) -> Authenticated:
    signer = request.user
    if not isinstance(signer, Authenticated):
        raise TypeError("nobody has signed")
    return signer
