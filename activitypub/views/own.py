"""What a person reads of their own with their own client, and nobody else does."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from drf_spectacular.openapi import AutoSchema
from rest_framework.request import Request

from activitypub import rendering
from activitypub.errors import ActorSuspended, NotYours
from activitypub.models import LocalActor
from activitypub.queries import actors, collections, inbox
from activitypub.rendering.inbox import inbox as inbox_document
from activitypub.rendering.inbox import inbox_page
from activitypub.views.base import FederationView, answer
from activitypub.views.described import reads
from activitypub.views.scopes import MayRead
from devices.api import principal
from devices.authentication import TokenAuthentication

UNSHARED = "private, no-store"


class OwnView(FederationView):
    """Under a full token, or an access key's with `social:read`."""

    authentication_classes: Sequence[Any] = (TokenAuthentication,)
    permission_classes: Sequence[Any] = (MayRead,)
    schema = AutoSchema()

    def respond(self, request: Request, username: str) -> HttpResponse:
        """The collection, and with `page` a part of it. Raises NotYours, ActorSuspended."""
        speaker = principal(request)
        if speaker.username != username:
            raise NotYours
        actor = actors.of_account(speaker.account_id)
        if actor.suspended_at is not None:
            raise ActorSuspended
        response = answer(self.document(actor, request.query_params.get("page")))
        response["Cache-Control"] = UNSHARED
        return response

    def document(self, actor: LocalActor, place: str | None) -> dict[str, Any]:
        raise NotImplementedError


class InboxView(OwnView):
    @reads("inbox_read")
    def get(self, request: Request, username: str) -> HttpResponse:
        """What came to oneself, as activities, as far as it still stands. Other servers send to the same
        address."""
        return self.respond(request, username)

    def document(self, actor: LocalActor, place: str | None) -> dict[str, Any]:
        if place is None:
            return inbox_document(actor.inbox)
        return inbox_page(actor.inbox, inbox.page(actor, place))


class BookmarksView(OwnView):
    @reads("bookmarks_read")
    def get(self, request: Request, username: str) -> HttpResponse:
        """The ids of posts that one keeps, the last one first."""
        return self.respond(request, username)

    def document(self, actor: LocalActor, place: str | None) -> dict[str, Any]:
        if place is None:
            return rendering.collection(collections.collection(actor, collections.BOOKMARKS))
        return rendering.collection_page(collections.page(actor, collections.BOOKMARKS, place))
