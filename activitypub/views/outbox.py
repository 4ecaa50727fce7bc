"""An outbox: what an actor has published, for everybody; and where its own clients publish."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import throttle
from activitypub import rendering
from activitypub.errors import ActorSuspended, NotYours
from activitypub.outbox import own_actor
from activitypub.outbox.verbs import prepare
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.local_uris import ActorURIs
from activitypub.protocol.negotiation import ACTIVITY
from activitypub.queries import actors, collections, outbox
from activitypub.views.base import answer
from activitypub.views.described import publishes
from activitypub.views.publishing import (
    ActivityParser,
    AnyAcceptAndParser,
    JSONParser,
    LinkedDataParser,
)
from activitypub.views.scopes import MayPublish
from activitypub.views.signed import GuardedView
from devices.api import principal
from devices.authentication import TokenAuthentication
from devices.idempotency import once
from devices.principal import out_of_reach


class OutboxView(GuardedView):
    """What an actor has published: the activities themselves. Its own clients add to them."""

    content_negotiation_class = AnyAcceptAndParser
    parser_classes: Sequence[Any] = (ActivityParser, LinkedDataParser, JSONParser)
    schema = AutoSchema()

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [TokenAuthentication()] if self._publishes() else super().get_authenticators()

    def get_permissions(self) -> Sequence[BasePermission]:
        return [MayPublish()] if self._publishes() else []

    def _publishes(self) -> bool:
        # There is no request while what clients do here is described.
        return getattr(self.request, "method", "POST") == "POST"

    @extend_schema(exclude=True)
    def get(self, request: Request, username: str) -> HttpResponse:
        """How many there are, and with `page` some of them."""
        actor = actors.of_username(username)
        if actor.suspended_at is not None:
            raise ActorSuspended
        place = request.query_params.get("page")
        if place is None:
            return answer(rendering.collection(collections.collection(actor, "outbox")))
        page = collections.page(actor, "outbox", place)
        items = [rendering.activity_document(entry) for entry in outbox.entries(page.items)]
        return answer(rendering.collection_page(replace(page, items=items)))

    @publishes("outbox_publish")
    def post(self, request: Request, username: str) -> Response:
        """Do what the activity says, or create the object. Answers the activity as it was made, and where
        it is. Under an `Idempotency-Key` it is done once."""
        speaker = principal(request)
        if speaker.username != username:
            raise NotYours
        document = cast(Document, request.data)
        uri = ActorURIs.of_user(settings.HVX_ORIGIN, username).id
        if own_actor.concerned(uri, document) and not speaker.is_full:
            raise out_of_reach(speaker.kind)

        def prepared() -> Callable[[], Response]:
            throttle.acted(speaker.account_id)
            deed = prepare(actors.of_account(speaker.account_id), document)
            return lambda: Response(deed(), status=201)

        response = once(request, prepared)
        response.content_type = ACTIVITY
        response["Location"] = response.data["id"]
        response["Cache-Control"] = "no-store"
        return response
