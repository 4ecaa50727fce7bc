"""Actors and what belongs to them, for servers and, the actor itself, for browsers."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import NotAcceptable
from rest_framework.request import Request

from activitypub import rendering
from activitypub.errors import ActorGone, ActorSuspended
from activitypub.models import LocalActor
from activitypub.protocol.local_uris import ActorURIs
from activitypub.protocol.negotiation import Form, wanted
from activitypub.queries import actors, collections
from activitypub.queries.posts import newest_of
from activitypub.views.base import CACHED, FederationView, answer
from activitypub.views.signed import GuardedPageView, GuardedView

# The page loads nothing from elsewhere, so it shows no picture that is kept there.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class ActorView(GuardedPageView):
    def get(self, request: Request, username: str) -> HttpResponse:
        """The actor's document, a page for browsers, or the Tombstone of one that was erased."""
        form = wanted(request.headers.get("Accept", ""))
        if form is None:
            raise NotAcceptable
        try:
            actor = actors.of_username(username)
        except ActorGone:
            if form is Form.PAGE:
                raise
            uri = ActorURIs.of_user(settings.HVX_ORIGIN, username).id
            return answer(rendering.tombstone(uri), status=410, varies=True)
        if form is Form.PAGE:
            return _page(request, actor)
        return answer(rendering.actor_document(actor, actors.published_keys(actor)), varies=True)


class InstanceActorView(FederationView):
    def get(self, request: Request) -> HttpResponse:
        """The server's own actor, which signs what it fetches."""
        actor = actors.instance()
        return answer(rendering.actor_document(actor, actors.published_keys(actor)))


class CollectionView(GuardedView):
    """One of the actor's collections: `name` is the field that holds its address."""

    name = ""

    def get(self, request: Request, username: str = "") -> HttpResponse:
        """How many there are, and with `page` some of them."""
        actor = actors.of_username(username) if username else actors.instance()
        if actor.suspended_at is not None:
            raise ActorSuspended
        place = request.query_params.get("page")
        if place is None:
            return answer(rendering.collection(collections.collection(actor, self.name)))
        return answer(rendering.collection_page(collections.page(actor, self.name, place)))


def _page(request: Request, actor: LocalActor) -> HttpResponse:
    """What the actor tells of itself, for people."""
    if actor.suspended_at is not None:
        raise ActorSuspended
    response = render(
        request._request,
        "activitypub/actor.html",
        {
            "name": settings.HVX_INSTANCE_NAME,
            "version": settings.HVX_VERSION,
            "source": settings.HVX_SOURCE_URL,
            "host": settings.HVX_HOST,
            "actor": actor,
            "followers": collections.followers_of(actor).count(),
            "following": collections.following_of(actor).count(),
            "posts": newest_of(actor),
        },
    )
    response["Content-Security-Policy"] = POLICY
    response["Cache-Control"] = CACHED
    patch_vary_headers(response, ["Accept"])
    return response
