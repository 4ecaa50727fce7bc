"""The devices that the server plays: each a whole attack, of which only the codes are left to stop it.

The attacks proper change one step of these. Whatever a server alone cannot do, such as showing
a code on a device that is not its own, the obliging user does for it.
"""

from typing import ClassVar

from client.protocol.delivery import AccountKey, Delivery
from client.protocol.frames import Accept, Cancel, Request, Reveal, Sealed
from client.protocol.keyexchange import SUITE, Schedule, Transcript, commitment, shared_secret, suites_text
from client.protocol.published import Published
from client.protocol.qr import SECRET_LENGTH, QRCode
from client.protocol.reasons import Reason
from tests.hostile.attack import BOTH, Attack
from tests.hostile.world import Puppet, Role, other, publish


class AsExisting(Attack):
    """The server plays the existing device towards the new one, with an account key of its own."""

    needs = frozenset({"new"})
    victim: ClassVar[Role] = "new"
    method = "code"

    def prepare(self) -> None:
        self.existing = Puppet.of(self.world)
        self.key = self.world.key()

    def published(self) -> Published:
        return publish(self.key, self.existing.certified(self.world, self.key))

    def on_request(self, request: Request) -> None:
        self.their_request = request
        self.accept = self.make_accept()
        self.send_accept()

    def make_accept(self) -> Accept:
        """Frame 2."""
        return Accept(
            exchange=self.their_request.exchange,
            suite=SUITE,
            method=self.method,
            device=self.existing.device,
            device_key=self.existing.public_key,
            ephemeral_key=self.existing.ephemeral_public,
            nonce=self.existing.nonce,
        )

    def send_accept(self) -> None:
        """Send it."""
        self.relay("new", self.accept)

    def on_reveal(self, reveal: Reveal) -> None:
        self.their_reveal = reveal

    def on_prove(self, sealed: Sealed) -> None:
        self.with_new = Schedule.derive(
            transcript(self, self.their_request, self.accept, self.their_reveal), self.secret_with_new()
        )
        self.deliver()

    def secret_with_new(self) -> bytes:
        """Z with the new device."""
        return shared_secret(self.existing.ephemeral_key, self.their_reveal.ephemeral_key)

    def deliver(self) -> None:
        """Frame 6, and then what the played device shows."""
        self.relay("new", self.sealed_delivery())
        self.pretend("existing", self.with_new.return_code())

    def sealed_delivery(self) -> Sealed:
        """Frame 6."""
        sealed = self.with_new.seal("deliver", self.make_delivery().to_json())
        return Sealed("deliver", self.their_request.exchange, sealed)

    def make_delivery(self) -> Delivery:
        """What is in it."""
        certificate = self.published().devices[self.accept.device].certificate or ""
        proof = self.existing.device_key.sign(self.with_new.statement("deliver"))
        return Delivery(AccountKey(self.key.fingerprint, self.key.secret), certificate, proof)

    def on_ack(self, sealed: Sealed) -> None:
        self.with_new.open("ack", sealed.sealed)

    def sender_to(self, role: Role) -> str:
        return self.existing.device if role == "new" else super().sender_to(role)


class AsNew(Attack):
    """The server plays a new device towards the existing one."""

    needs = frozenset({"existing"})
    victim: ClassVar[Role] = "existing"
    suites: tuple[str, ...] = (SUITE,)

    def prepare(self) -> None:
        self.new = Puppet.of(self.world)
        self.qr_secret = self.world.dice(SECRET_LENGTH) if self.by_qr else b""

    def begin(self) -> None:
        self.ask()

    def ask(self) -> None:
        """Frame 1; by QR the user then scans what the played device shows."""
        self.request = self.make_request(self.world.exchange())
        self.send_request()
        if self.by_qr:
            self.stage.scan(self.qr().text())

    def make_request(self, exchange: str) -> Request:
        """Frame 1."""
        device, device_key = self.new.device, self.new.public_key
        return Request(
            exchange=exchange,
            to=None,
            suites=self.suites,
            device=device,
            device_key=device_key,
            challenge=self.new.challenge,
            commitment=commitment(
                exchange, self.suites, device, device_key, self.new_ephemeral(), self.new.nonce
            ),
        )

    def new_ephemeral(self) -> bytes:
        """The public half that the played device commits to and reveals."""
        return self.new.ephemeral_public

    def send_request(self) -> None:
        """Send it."""
        self.offer(self.request)

    def qr(self) -> QRCode:
        """What the played device shows for scanning."""
        return QRCode(self.request.exchange, self.request.commitment, self.qr_secret, self.world.origin)

    def on_accept(self, accept: Accept) -> None:
        self.their_accept = accept
        self.reveal = Reveal(self.request.exchange, self.new_ephemeral(), self.new.nonce)
        self.agree()
        self.send_reveal()
        self.send_prove()
        if not self.by_qr:
            self.pretend("new", self.with_existing.code())

    def agree(self) -> None:
        """Derive the keys with the existing device."""
        text = transcript(self, self.request, self.their_accept, self.reveal)
        self.with_existing = Schedule.derive(text, self.secret_with_existing(), self.qr_secret)

    def secret_with_existing(self) -> bytes:
        """Z with the existing device."""
        return shared_secret(self.new.ephemeral_key, self.their_accept.ephemeral_key)

    def send_reveal(self) -> None:
        """Frame 3."""
        self.relay("existing", self.reveal)

    def send_prove(self) -> None:
        """Frame 4."""
        sealed = self.with_existing.seal("prove", self.make_prove())
        self.prove = Sealed("prove", self.request.exchange, sealed)
        self.relay("existing", self.prove)

    def make_prove(self) -> bytes:
        """What is in it."""
        return self.new.device_key.sign(self.with_existing.statement("prove"))

    def on_deliver(self, sealed: Sealed) -> None:
        delivery = Delivery.from_json(self.with_existing.open("deliver", sealed.sealed))
        self.loot.append(delivery.key)
        self.win("the server read the account's private key")
        self.relay("existing", Sealed("ack", self.request.exchange, self.with_existing.seal("ack", b"")))

    def sender_to(self, role: Role) -> str:
        return self.new.device if role == "existing" else super().sender_to(role)


class InTheMiddle(AsExisting, AsNew):
    """The server plays both: towards each real device it is the other one."""

    needs = BOTH
    victim: ClassVar[Role] = "existing"

    def prepare(self) -> None:
        AsExisting.prepare(self)
        AsNew.prepare(self)

    def published(self) -> Published:
        return Attack.published(self)

    def begin(self) -> None:
        """It is the new device's user who begins."""

    def on_prove(self, sealed: Sealed) -> None:
        """The new device is of use while its user types; it gets nothing."""

    def pretend(self, role: Role, digits: str) -> None:
        """The user has both real devices at hand, and sees no other."""

    def sender_to(self, role: Role) -> str:
        return self.existing.device if role == "new" else self.new.device

    def on_cancel(self, role: Role, cancel: Cancel) -> None:
        self.end(other(role), cancel.reason or Reason.USER)

    def end(self, role: Role, reason: Reason) -> None:
        """End a device's exchange, as its peer would."""
        request = getattr(self, "their_request" if role == "new" else "request", None)
        if isinstance(request, Request):
            self.relay(role, Cancel(request.exchange, reason))


def transcript(attack: Attack, request: Request, accept: Accept, reveal: Reveal) -> bytes:
    """T, as the party that is cheated computes it."""
    return make_transcript(attack, request, accept, reveal).digest()


def make_transcript(attack: Attack, request: Request, accept: Accept, reveal: Reveal) -> Transcript:
    """The fields of T."""
    return Transcript(
        origin=attack.world.origin,
        account=attack.world.account,
        exchange=request.exchange,
        suites=suites_text(request.suites),
        suite=accept.suite,
        method=accept.method,
        new_device=request.device,
        new_device_key=request.device_key,
        commitment=request.commitment,
        existing_device=accept.device,
        existing_device_key=accept.device_key,
        existing_ephemeral_key=accept.ephemeral_key,
        existing_nonce=accept.nonce,
        new_ephemeral_key=reveal.ephemeral_key,
        new_nonce=reveal.nonce,
    )
