"""The server plays the existing device, and accepts as the new one must not let it.

Each is `AsExisting` but for one step; so each would succeed if that step went unnoticed.
"""

from dataclasses import replace

from client.protocol.frames import Accept, Request, Reveal, Sealed
from client.protocol.keyexchange import ZERO_POINT
from client.protocol.published import Published
from client.protocol.reasons import Reason
from tests.hostile.attack import body_of, half_of
from tests.hostile.impostors import AsExisting
from tests.hostile.world import Puppet, publish


class UnofferedSuite(AsExisting):
    """Accepts by a suite that the new device did not offer."""

    name = "unoffered_suite"
    check = "check_suite"
    ending = Reason.WRONG_SUITE

    def make_accept(self) -> Accept:
        return replace(super().make_accept(), suite="null")


class UninvitedQR(AsExisting):
    """Accepts by QR although none was shown, so that no return code would be asked for."""

    name = "uninvited_qr"
    check = "check_method"
    ending = Reason.WRONG_METHOD
    method = "qr"


class LowOrderPointToNew(AsExisting):
    """Sends a point of low order, so that everyone knows the shared secret."""

    name = "low_order_point_to_new"
    check = "check_zero_point"
    ending = Reason.ZERO_POINT
    point = bytes(32)

    def make_accept(self) -> Accept:
        return replace(super().make_accept(), ephemeral_key=self.point)

    def secret_with_new(self) -> bytes:
        return ZERO_POINT


class UnaskedDevice(AsExisting):
    """Accepts by another device than the one that the new device asked."""

    name = "unasked_device"
    check = "check_named_device"
    ending = Reason.WRONG_SENDER

    def prepare(self) -> None:
        super().prepare()
        self.asked_device = Puppet.of(self.world)
        self.to = self.asked_device.device

    def published(self) -> Published:
        return publish(
            self.key,
            self.existing.certified(self.world, self.key),
            self.asked_device.certified(self.world, self.key),
        )


class ReflectedAccept(AsExisting):
    """Accepts in the new device's own name, as a mirror would."""

    name = "reflected_accept"
    check = "check_sender"
    ending = Reason.WRONG_SENDER

    def make_accept(self) -> Accept:
        asking = self.their_request
        return replace(super().make_accept(), device=asking.device, device_key=asking.device_key)

    def send_accept(self) -> None:
        self.relay("new", self.accept, **{"from": self.their_request.device})

    def on_reveal(self, reveal: Reveal) -> None:
        self.win("the new device opened its commitment to itself")

    def on_prove(self, sealed: Sealed) -> None:
        """Nothing is left to do."""


class ReplayedAccept(AsExisting):
    """Answers a second request by the very frame that accepted the first."""

    name = "replayed_accept"
    check = "check_exchange"
    ending = Reason.BAD_FRAME
    rounds = 2

    def on_request(self, request: Request) -> None:
        if not hasattr(self, "accept"):
            super().on_request(request)
            return
        self.their_request = request
        self.relay("new", replace(self.accept, exchange=request.exchange), frame=body_of(self.accept))

    def on_prove(self, sealed: Sealed) -> None:
        if self.their_request.exchange == self.accept.exchange:
            self.say("new", {"type": "withdrawn", "exchange": self.accept.exchange})
        else:
            super().on_prove(sealed)


class TruncatedAccept(AsExisting):
    """Sends half of a frame before the whole of it."""

    name = "truncated_accept"
    check = "check_readable"
    ending = Reason.BAD_FRAME

    def send_accept(self) -> None:
        whole = self.envelope("new", self.accept)
        self.stage.tell("new", half_of(whole))
        self.say("new", whole)


class SilentAbortsOfNew(AsExisting):
    """Takes the new device's reveal and withdraws, four times in an hour."""

    name = "silent_aborts_of_new"
    check = "check_attempts"
    ending = Reason.TOO_MANY_ATTEMPTS
    rounds = 4

    def prepare(self) -> None:
        super().prepare()
        self.tries = 0

    def on_prove(self, sealed: Sealed) -> None:
        self.tries += 1
        if self.tries == self.rounds:
            self.win("the new device gave a fourth try within the hour")
        self.say("new", {"type": "withdrawn", "exchange": self.their_request.exchange})


BY_ACCEPT: tuple[type[AsExisting], ...] = (
    UnofferedSuite,
    UninvitedQR,
    LowOrderPointToNew,
    UnaskedDevice,
    ReflectedAccept,
    ReplayedAccept,
    TruncatedAccept,
    SilentAbortsOfNew,
)
