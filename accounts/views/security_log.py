"""What the audit holds of one's own account."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries
from accounts.serializers_security_log import SecurityLogPage
from audit.queries import rows_of
from devices.api import NativeView, Pages, principal


class SecurityLogPages(Pages):
    """Newest first; the rows of an account are numbered."""

    ordering = ("-sequence",)


class SecurityLogView(NativeView):
    @extend_schema(
        operation_id="me_security_log",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses=SecurityLogPage,
    )
    def get(self, request: Request) -> Response:
        """What happened to this account, newest first. `device` is null for one that is not, or no
        more, the account's; `same_network` where it is not known from which network."""
        speaker = principal(request)
        pages = SecurityLogPages()
        page = pages.page_of(rows_of(speaker.account_id), request)
        return pages.get_paginated_response(queries.security_log(speaker.account_id, page))
