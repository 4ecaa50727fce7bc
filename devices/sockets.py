"""The same check as devices.authentication, for the upgrade of a WebSocket (PROTOCOL §4)."""

from collections.abc import Sequence
from typing import Any, cast

from channels.db import database_sync_to_async
from django.conf import settings

from audit.errors import Problem
from devices.authentication import check_token, with_scheme
from devices.batches import Batches
from devices.errors import InvalidDPoPProof, InvalidToken
from devices.principal import Principal
from devices.protocol.device_hash import DeviceHash
from devices.push import device_group
from devices.services import lifecycle

__all__ = ["authenticate", "device_group"]

BEARER = "hvx.bearer."
DPOP = "hvx.dpop."


def _credentials(scope: dict[str, Any]) -> tuple[str | None, str | None]:
    authorization = _one(scope, b"authorization", InvalidToken)
    proof = _one(scope, b"dpop", InvalidDPoPProof)
    for protocol in scope.get("subprotocols", ()):
        # A page cannot set headers on a socket. Which scheme the token needs, the token says.
        if authorization is None and protocol.startswith(BEARER):
            authorization = with_scheme(protocol.removeprefix(BEARER))
        elif proof is None and protocol.startswith(DPOP):
            proof = protocol.removeprefix(DPOP)
    return authorization, proof


def _one(scope: dict[str, Any], header: bytes, refusal: type[Problem]) -> str | None:
    """The header's value; of two, nobody can say which one counts (RFC 9449 §4.3)."""
    values: list[bytes] = [value for name, value in scope["headers"] if name == header]
    if len(values) > 1:
        raise refusal(f"{header.decode()} stands more than once")
    return values[0].decode("latin-1") or None if values else None


def _authenticate(scope: dict[str, Any]) -> Principal:
    authorization, proof = _credentials(scope)
    host_and_path = f"{settings.HVX_HOST}{scope['path']}"
    return check_token(
        authorization,
        proof,
        method="GET",
        addresses=(f"http://{host_and_path}", f"https://{host_and_path}"),
        proof_required=True,
    )


def _see(devices: Sequence[DeviceHash]) -> dict[DeviceHash, None]:
    lifecycle.see(*devices)
    return {}


# A write waits for the disk: after a restart, when every device comes back, few do it for all.
_seen = Batches(database_sync_to_async(_see))


async def authenticate(scope: dict[str, Any]) -> Principal:
    """The principal, with its key proven, of a WebSocket's ASGI scope. Raises Problem."""
    principal = cast(Principal, await database_sync_to_async(_authenticate)(scope))
    await _seen(principal.device)
    return principal
