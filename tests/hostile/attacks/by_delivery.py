"""The server plays the existing device, and delivers what the new one must not take.

Each is `AsExisting` but for one step; so each would succeed if that step went unnoticed.
"""

from dataclasses import replace

from client.protocol.delivery import AccountKey, Delivery
from client.protocol.frames import Sealed
from client.protocol.published import Published, PublishedDevice
from client.protocol.reasons import Reason
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


def with_swapped_subkey(key: OpenPGPKey, stranger: OpenPGPKey) -> OpenPGPKey:
    """`key`, public halves and bindings as they were, with the secret of the stranger's subkey."""
    first, *others = key.subkeys
    part = replace(first.part, secret=stranger.subkeys[0].part.secret)
    return replace(key, subkeys=(replace(first, part=part), *others))


BY_DELIVERY: tuple[type[AsExisting], ...] = (
    OwnKey,
    UnpublishedKey,
    OldCertificate,
    OthersCertificate,
    OldKeysCertificate,
    SwappedSubkey,
    RetiredStranger,
    ForgedProof,
    SwappedDeviceKeyOfExisting,
    ChangedSender,
    LeftOutFrame,
    SecondDelivery,
    LateDelivery,
)
