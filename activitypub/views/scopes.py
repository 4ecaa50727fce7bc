"""What of a person a token reaches here (PROTOCOL §7)."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from devices.api import principal
from devices.errors import DevicePending
from devices.principal import Principal, out_of_reach


class _Scoped(BasePermission):
    """A full token, or an access key's with the scope. Raises DevicePending, AppToken, InsufficientScope."""

    scope = ""

    @classmethod
    def is_open_to(cls, speaker: Principal) -> bool:
        """Whether it reaches so far."""
        return speaker.is_full or (speaker.kind == "access_key" and cls.scope in speaker.scope.split())

    def has_permission(self, request: Request, view: APIView) -> bool:
        speaker = principal(request)
        if speaker.is_pending:
            raise DevicePending
        if not self.is_open_to(speaker):
            raise out_of_reach(speaker.kind)
        return True


class MayRead(_Scoped):
    scope = "social:read"


class MayPublish(_Scoped):
    scope = "social:write"
