"""Clients with one check taken away, to show what it alone keeps out."""

from collections.abc import Callable
from typing import Any, TypeVar

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from client.protocol.existing_device import ExistingDevice
from client.protocol.frames import Offer
from client.protocol.new_device import NewDevice
from client.protocol.reasons import Reason
from client.protocol.side import Side
from tests.hostile.attack import NO_SERVER_TEXT

SomeSide = TypeVar("SomeSide", bound=Side)


def without(side: SomeSide, check: str | None) -> SomeSide:
    """The same side, of a class that lacks one check. A check that is no method changes nothing here."""
    if check is None or check == NO_SERVER_TEXT:
        return side
    method = _METHODS.get(check, check)
    if hasattr(side, method):
        careful = type(side)
        override = _CARELESS.get(check, _nothing)
        side.__class__ = type(f"{careful.__name__}Without_{check}", (careful,), {method: override})
    elif not any(hasattr(known, method) for known in (NewDevice, ExistingDevice)):
        raise LookupError(f"no side has a check {check!r}")
    return side


def _nothing(self: Side, *args: object, **named: object) -> None:
    """The check, taken away."""


def _take_later_request(self: ExistingDevice, offer: Offer) -> None:
    """A client that does not ask whether the request is still the same works on with the last one."""
    self.offer = offer
    self.request = offer.request


def _open_unsealed(self: Side, kind: str, sealed: bytes, reason: Reason) -> bytes:
    """AES-GCM's decryption without its authentication (NIST SP 800-38D §7.2)."""
    assert self.schedule is not None
    counter = bytes(12) + (2).to_bytes(4, "big")
    decryptor = Cipher(AES(self.schedule.key(kind)), CTR(counter)).decryptor()
    return decryptor.update(sealed[:-16]) + decryptor.finalize()


_METHODS = {"unseal": "_unseal"}
_CARELESS: dict[str, Callable[..., Any]] = {
    "check_same_request": _take_later_request,
    "unseal": _open_unsealed,
}
