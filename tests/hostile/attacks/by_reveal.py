"""The server plays the new device, and reveals and proves what the existing one must not take.

Each but the last is `AsNew` with one step changed; so each would succeed if that went unnoticed.
"""

from dataclasses import replace

from client.protocol.frames import Sealed
from client.protocol.keyexchange import ZERO_POINT
from client.protocol.reasons import Reason
from tests.hostile.attack import Attack, Honest, body_of, half_of
from tests.hostile.impostors import AsNew
from tests.hostile.world import Puppet, Role


class LowOrderPointToExisting(AsNew):
    """Commits to a point of low order, so that everyone knows the shared secret."""

    name = "low_order_point_to_existing"
    check = "check_zero_point"
    ending = Reason.ZERO_POINT
    point = bytes(32)

    def new_ephemeral(self) -> bytes:
        return self.point

    def secret_with_existing(self) -> bytes:
        return ZERO_POINT


class ForgedProve(AsNew):
    """Speaks for a new device whose device key it does not have."""

    name = "forged_prove"
    check = "check_prove"
    ending = Reason.BAD_PROOF

    def make_prove(self) -> bytes:
        return Puppet.of(self.world).device_key.sign(self.with_existing.statement("prove"))


class EarlyAck(AsNew):
    """Reorders the frames: the last one comes before the key was delivered."""

    name = "early_ack"
    check = "check_order"
    ending = Reason.OUT_OF_ORDER

    def pretend(self, role: Role, digits: str) -> None:
        ack = self.with_existing.seal("ack", b"")
        self.relay("existing", Sealed("ack", self.request.exchange, ack))

    def done(self, role: Role) -> None:
        self.win("the existing device took a key for handed over that was not")


class LeftOutReveal(AsNew):
    """Leaves out a frame before the reveal."""

    name = "left_out_reveal"
    check = "check_sequence"
    ending = Reason.OUT_OF_ORDER

    def send_reveal(self) -> None:
        self.relay("existing", self.reveal, seq=2)


class ChangedSenderOfReveal(AsNew):
    """Opens the commitment from another device than the one that asked."""

    name = "changed_sender_of_reveal"
    check = "check_sender"
    ending = Reason.WRONG_SENDER

    def send_reveal(self) -> None:
        self.relay("existing", self.reveal, **{"from": Puppet.of(self.world).device})


class CrossedReveal(AsNew):
    """Opens, in this exchange, the commitment of another."""

    name = "crossed_reveal"
    check = "check_exchange"
    ending = Reason.BAD_FRAME

    def send_reveal(self) -> None:
        crossed = replace(self.reveal, exchange=self.world.exchange())
        self.relay("existing", self.reveal, frame=body_of(crossed))


class TruncatedReveal(AsNew):
    """Sends half of a frame before the whole of it."""

    name = "truncated_reveal"
    check = "check_readable"
    ending = Reason.BAD_FRAME

    def send_reveal(self) -> None:
        whole = self.envelope("existing", self.reveal)
        self.stage.tell("existing", half_of(whole))
        self.say("existing", whole)


class LateReveal(AsNew):
    """Keeps the reveal back until the two minutes are over."""

    name = "late_reveal"
    check = "check_clock"
    ending = Reason.EXPIRED

    def send_reveal(self) -> None:
        self.stage.advance("existing", 121.0)
        super().send_reveal()


class TruncatedAck(Honest):
    """Sends, in the place of the new device's last frame, one cut to nothing."""

    name = "truncated_ack"
    victim = "existing"
    check = "unseal"
    ending = Reason.BAD_PROOF

    def on_deliver(self, sealed: Sealed) -> None:
        super().on_deliver(sealed)
        self.relay("existing", Sealed("ack", sealed.exchange, b""))

    def shown(self, role: Role, digits: str) -> None:
        # The user has not read the return code yet.
        if role == "new":
            super().shown(role, digits)

    def done(self, role: Role) -> None:
        self.win("the existing device took the key for arrived that was not")


BY_REVEAL: tuple[type[Attack], ...] = (
    LowOrderPointToExisting,
    ForgedProve,
    EarlyAck,
    LeftOutReveal,
    ChangedSenderOfReveal,
    CrossedReveal,
    TruncatedReveal,
    LateReveal,
    TruncatedAck,
)
