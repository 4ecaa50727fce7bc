"""The server plays the existing device, and the new one must not take its key.

Each is `AsExisting` but for one step; so each would succeed if that step went unnoticed.
"""

from dataclasses import replace

from client.protocol.delivery import AccountKey, Delivery
from client.protocol.frames import Accept, Request, Reveal, Sealed
from client.protocol.keyexchange import ZERO_POINT
from client.protocol.published import Published, PublishedDevice
from client.protocol.reasons import Reason
from tests.hostile.attack import body_of, half_of
from tests.hostile.impostors import AsExisting
from tests.hostile.world import Puppet, Role, certify, publish
from tests.openpgp import OpenPGPKey


class OwnKey(AsExisting):
    """Delivers a key of its own, whose public half the server publishes as the account's."""

    name = "own_key"
    check = "check_return_code"
    ending = Reason.CODE_MISMATCH

    def pretend(self, role: Role, digits: str) -> None:
        # The user's existing device took no part, so what is typed is not this exchange's.
        self.stage.type("new", f"{(int(digits) + 1) % 10_000:04d}")


class UnpublishedKey(AsExisting):
    """Delivers a key that is not the one published."""

    name = "unpublished_key"
    check = "check_fingerprint"
    ending = Reason.BAD_KEY

    def prepare(self) -> None:
        super().prepare()
        self.account_key = self.world.key()

    def published(self) -> Published:
        told = super().published()
        return replace(told, fingerprint=self.account_key.fingerprint, public_key=self.account_key.public)


class OldCertificate(AsExisting):
    """Delivers from a device that was revoked, by the certificate that it had."""

    name = "old_certificate"
    check = "check_certificate"
    ending = Reason.BAD_KEY

    def published(self) -> Published:
        told = super().published()
        ended = replace(told.devices[self.existing.device], revocation="revoked", ended="revoked")
        return replace(told, devices={ended.device: ended})


class OthersCertificate(AsExisting):
    """Delivers with the certificate of another device of the account."""

    name = "others_certificate"
    check = "check_certificate"
    ending = Reason.BAD_KEY

    def make_delivery(self) -> Delivery:
        stolen = Puppet.of(self.world).certified(self.world, self.key).certificate or ""
        return replace(super().make_delivery(), certificate=stolen)


class OldKeysCertificate(AsExisting):
    """Delivers with a certificate by the account's former key."""

    name = "old_keys_certificate"
    check = "check_certificate"
    ending = Reason.BAD_KEY

    def make_delivery(self) -> Delivery:
        former = self.existing.certified(self.world, self.world.key()).certificate or ""
        return replace(super().make_delivery(), certificate=former)


class SwappedSubkey(AsExisting):
    """Delivers the key with another secret under one of its subkeys."""

    name = "swapped_subkey"
    check = "check_secret_subkeys"
    ending = Reason.BAD_KEY

    def make_delivery(self) -> Delivery:
        swapped = with_swapped_subkey(self.key, self.world.key())
        return replace(super().make_delivery(), key=AccountKey(self.key.fingerprint, swapped.secret))


class RetiredStranger(AsExisting):
    """Delivers a stranger's key as one that the account had earlier."""

    name = "retired_stranger"
    check = "check_retired_key"
    ending = Reason.BAD_KEY

    def make_delivery(self) -> Delivery:
        key = AccountKey(self.key.fingerprint, self.key.secret, (self.world.key().secret,))
        return replace(super().make_delivery(), key=key)


class ForgedProof(AsExisting):
    """Speaks for a device of the account whose device key it does not have."""

    name = "forged_proof"
    check = "check_proof"
    ending = Reason.BAD_KEY

    def make_delivery(self) -> Delivery:
        forged = Puppet.of(self.world).device_key.sign(self.with_new.statement("deliver"))
        return replace(super().make_delivery(), proof=forged)


class SwappedDeviceKeyOfExisting(AsExisting):
    """Puts its own device key under the device hash of the account's existing device."""

    name = "swapped_device_key_of_existing"
    check = "check_device_hash"
    ending = Reason.BAD_KEY

    def prepare(self) -> None:
        super().prepare()
        self.true_device = self.existing
        self.existing = replace(Puppet.of(self.world), device=self.true_device.device)

    def published(self) -> Published:
        swapped = PublishedDevice(
            self.true_device.device, self.existing.public_key, self.true_device.challenge
        )
        return publish(self.key, replace(swapped, certificate=certify(self.world, self.key, swapped)))


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


class ChangedSender(AsExisting):
    """Delivers from another device than the one that accepted."""

    name = "changed_sender"
    check = "check_sender"
    ending = Reason.WRONG_SENDER

    def deliver(self) -> None:
        self.relay("new", self.sealed_delivery(), **{"from": Puppet.of(self.world).device})
        self.pretend("existing", self.with_new.return_code())


class LeftOutFrame(AsExisting):
    """Leaves out a frame before the delivery."""

    name = "left_out_frame"
    check = "check_sequence"
    ending = Reason.OUT_OF_ORDER

    def deliver(self) -> None:
        self.relay("new", self.sealed_delivery(), seq=3)
        self.pretend("existing", self.with_new.return_code())


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


class SecondDelivery(AsExisting):
    """Delivers anew what was checked already, in other words."""

    name = "second_delivery"
    check = "check_repeat"
    ending = Reason.CHANGED_FRAME

    def prepare(self) -> None:
        super().prepare()
        self.entry_fields = 0

    def deliver(self) -> None:
        for space in (b"", b" "):
            plaintext = self.make_delivery().to_json() + space
            sealed = self.with_new.seal("deliver", plaintext)
            self.relay("new", Sealed("deliver", self.their_request.exchange, sealed))

    def asked(self, role: Role) -> None:
        # Asked again, the device has taken the second delivery.
        self.entry_fields += 1
        if self.entry_fields == 2:
            self.pretend("existing", self.with_new.return_code())


class LateDelivery(AsExisting):
    """Keeps the delivery back until the two minutes are over."""

    name = "late_delivery"
    check = "check_clock"
    ending = Reason.EXPIRED

    def deliver(self) -> None:
        self.stage.advance("new", 121.0)
        super().deliver()


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


def with_swapped_subkey(key: OpenPGPKey, stranger: OpenPGPKey) -> OpenPGPKey:
    """`key`, public halves and bindings as they were, with the secret of the stranger's subkey."""
    first, *others = key.subkeys
    part = replace(first.part, secret=stranger.subkeys[0].part.secret)
    return replace(key, subkeys=(replace(first, part=part), *others))


ON_THE_NEW_DEVICE: tuple[type[AsExisting], ...] = (
    OwnKey,
    UnpublishedKey,
    OldCertificate,
    OthersCertificate,
    OldKeysCertificate,
    SwappedSubkey,
    RetiredStranger,
    ForgedProof,
    SwappedDeviceKeyOfExisting,
    UnofferedSuite,
    UninvitedQR,
    LowOrderPointToNew,
    UnaskedDevice,
    ReflectedAccept,
    ChangedSender,
    LeftOutFrame,
    ReplayedAccept,
    TruncatedAccept,
    SecondDelivery,
    LateDelivery,
    SilentAbortsOfNew,
)
