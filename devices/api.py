"""What every native call shares: its view class, who may reach it, and pages of results."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, QuerySet
from rest_framework import exceptions, pagination, serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from devices.authentication import TokenAuthentication
from devices.errors import CursorInvalid, DevicePending
from devices.principal import Principal, out_of_reach
from devices.protocol.dpop import Proof

M = TypeVar("M", bound=Model)


class FullToken(BasePermission):
    """A certified device's own token. Raises DevicePending, AppToken or InsufficientScope."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        speaker = principal(request)
        if speaker.is_pending:
            raise DevicePending
        if not speaker.is_full:
            raise out_of_reach(speaker.kind)
        return True


class FullOrPendingToken(BasePermission):
    """A device's own token, certified or not. Raises AppToken or InsufficientScope."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        speaker = principal(request)
        if not (speaker.is_full or speaker.is_pending):
            raise out_of_reach(speaker.kind)
        return True


class NativeView(APIView):
    """A call of `/api/hvx/v1` under a full token, unless the view says otherwise."""

    authentication_classes: Sequence[Any] = (TokenAuthentication,)
    permission_classes: Sequence[Any] = (FullToken,)


class PublicView(APIView):
    """A call that anybody may make."""

    authentication_classes: Sequence[Any] = ()
    permission_classes: Sequence[Any] = ()


def principal(request: Request) -> Principal:
    """The device that speaks, in a view that asks for a token."""
    return cast(Principal, request.user)


def proof(request: Request) -> Proof:
    """The proof, in a view that goes by the proof alone."""
    return cast(Proof, request.auth)


def read_body(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The validated body. Raises DRF's ValidationError, which becomes 422 `invalid_fields`."""
    read = serializer(data=request.data)
    read.is_valid(raise_exception=True)
    return cast(dict[str, Any], read.validated_data)


def flag(request: Request, name: str) -> bool:
    """Whether the query says `name=true`."""
    return request.query_params.get(name) == "true"


class Pages(pagination.CursorPagination):
    """`next`, `previous`, `results`; addresses are built from the origin, never the Host header."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200
    ordering: tuple[str, ...] = ("created_at", "pk")

    def page_of(self, rows: QuerySet[M], request: Request) -> list[M]:
        """The rows that the request's cursor asks for. Raises CursorInvalid."""
        try:
            page = self.paginate_queryset(rows, request)
        except (exceptions.NotFound, ValidationError, DataError, ValueError):
            # The place in a cursor is the caller's text: it may be no time, no number, or hold a NUL.
            raise CursorInvalid from None
        self.base_url = settings.HVX_ORIGIN + request.get_full_path()
        return list(page or [])


class PublicPages(Pages):
    """Devices as anybody may list them: a cursor tells a row's place, so that must be no time."""

    ordering = ("hash",)
