"""Who speaks: the evidence that a token, and where asked a proof, was checked."""

from dataclasses import dataclass
from typing import Literal

from audit.errors import Problem
from devices.errors import AppToken, InsufficientScope
from devices.protocol.device_hash import DeviceHash

Kind = Literal["device", "app", "access_key"]


def out_of_reach(kind: Kind) -> Problem:
    """What the token of an app or access key is refused for, where it reaches no further."""
    return InsufficientScope() if kind == "access_key" else AppToken()


@dataclass(frozen=True)
class Principal:
    """A device whose token holds and that has not ended.

    `device_key` is the raw Ed25519 key where this request proved it, else None. Only
    devices.authentication and devices.sockets make one.
    """

    account_id: str
    username: str
    device: DeviceHash
    scope: str
    device_key: bytes | None
    expires_at: int
    kind: Kind

    # DRF asks this of request.user.
    is_authenticated = True

    @property
    def is_full(self) -> bool:
        return self.scope == "full"

    @property
    def is_pending(self) -> bool:
        return self.scope == "pending"
