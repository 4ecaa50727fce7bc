"""The new device's side: it asks, shows six digits, is told four, and adopts the account key."""

from collections.abc import Mapping
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from client.protocol.attempts import Attempts
from client.protocol.delivery import Delivery
from client.protocol.effects import Adopt, AskReturnCode, Done, Effect, ShowCode
from client.protocol.encoding import DeviceHash
from client.protocol.frames import Accept, Relay, Request, Reveal, Sealed
from client.protocol.keyexchange import SUITE, Schedule, Transcript, commitment, shared_secret, suites_text
from client.protocol.openpgp import ExaminedKey, OpenPGP
from client.protocol.published import Published
from client.protocol.qr import QRCode
from client.protocol.reasons import Reason, Refused
from client.protocol.side import METHODS, Identity, Side
from client.protocol.statements import DeviceStatement, key_transition


class NewDevice(Side):
    """One exchange of a pending device.

    `exchange`, `ephemeral_key`, `nonce` (32 bytes) and `qr_secret` (16 bytes, where a QR code
    is shown) are fresh for each exchange. `to` names the one device asked, None asks all.
    """

    EXPECTS: ClassVar[Mapping[str, str]] = {"asked": "accept", "revealed": "deliver"}

    def __init__(
        self,
        identity: Identity,
        *,
        exchange: str,
        ephemeral_key: X25519PrivateKey,
        nonce: bytes,
        attempts: Attempts,
        openpgp: OpenPGP,
        published: Published,
        to: DeviceHash | None = None,
        qr_secret: bytes | None = None,
        suites: tuple[str, ...] = (SUITE,),
    ) -> None:
        super().__init__(identity, exchange, attempts)
        self.openpgp = openpgp
        self.published = published
        self.to = to
        self.suites = suites
        self.method: str | None = None
        self._accepted: Accept | None = None
        self._delivery: Delivery | None = None
        self._ephemeral_key: X25519PrivateKey | None = ephemeral_key
        self._qr_secret = qr_secret
        public = ephemeral_key.public_key().public_bytes_raw()
        self._reveal = Reveal(exchange, public, nonce)
        self.commitment = commitment(exchange, suites, identity.device, identity.public_key, public, nonce)

    @property
    def qr(self) -> QRCode | None:
        """The code to show, where the exchange may go by QR."""
        if self._qr_secret is None:
            return None
        return QRCode(self.exchange, self.commitment, self._qr_secret, self.identity.origin)

    # What the user does

    def begin(self, now: float) -> list[Effect]:
        """Ask for the key. The two minutes begin here."""
        if self.state != "ready":
            raise ValueError("an exchange begins once")
        return self._guarded(now, lambda: self._ask(now))

    def enter_return_code(self, typed: str, now: float) -> list[Effect]:
        """The four digits that the user read on the existing device; there is one try."""
        return self._guarded(now, lambda: self._typed(typed))

    # The rules of this side; those of both are in `Side`

    def check_named_device(self, relay: Relay) -> None:
        """Only the device that was named, if one was, and speaking for itself."""
        accept = relay.frame
        if not isinstance(accept, Accept) or accept.device != relay.sender:
            raise Refused(Reason.WRONG_SENDER, "an accept that speaks for another device")
        if self.to is not None and relay.sender != self.to:
            raise Refused(Reason.WRONG_SENDER, "an accept of a device that was not asked")

    def check_method(self, method: str) -> None:
        """By QR only if this exchange showed one."""
        if method not in METHODS or (method == "qr" and self._qr_secret is None):
            raise Refused(Reason.WRONG_METHOD, "method was not offered")

    def check_return_code(self, typed: str) -> None:
        """That E is E, N learns from this and from nothing else."""
        self.check_digits(typed, self._schedule.return_code())

    def check_fingerprint(self, key: ExaminedKey, delivery: Delivery) -> None:
        """The fingerprint of the key that came, not one that came with it, is the published one."""
        if not key.fingerprint == delivery.key.fingerprint == self.published.fingerprint:
            raise Refused(Reason.BAD_KEY, "the key is not the account's")

    def check_certificate(self, key: ExaminedKey, delivery: Delivery, accept: Accept) -> None:
        """The delivered key certified the very device that delivered it."""
        device = self.published.devices.get(accept.device)
        if device is None:
            raise Refused(Reason.BAD_KEY, "the delivering device is not one of the account's")
        if device.revocation is not None or device.ended is not None:
            raise Refused(Reason.BAD_KEY, "the delivering device was revoked")
        # The challenge is the server's word until it makes the hash that stands in the transcript.
        try:
            self.check_device_hash(accept.device, accept.device_key, device.challenge)
        except Refused as refused:
            raise Refused(Reason.BAD_KEY, refused.detail) from None
        statement = DeviceStatement(
            origin=self.identity.origin,
            account=self.identity.account,
            key=key.fingerprint,
            device=accept.device,
            device_key=accept.device_key,
            challenge=device.challenge,
        )
        if not key.verifies(statement.certificate(), delivery.certificate):
            raise Refused(Reason.BAD_KEY, "the delivering device is not certified by the key")

    def check_proof(self, delivery: Delivery, accept: Accept) -> None:
        """The certified device signed this exchange."""
        self.check_signature("deliver", accept.device_key, delivery.proof, Reason.BAD_KEY)

    def check_secret_subkeys(self, key: ExaminedKey) -> None:
        """Each secret is the one that its public half speaks of."""
        if not key.every_secret_key_works():
            raise Refused(Reason.BAD_KEY, "a secret key does not do what its public half says")

    def check_retired_key(self, key: ExaminedKey, successors: Mapping[str, ExaminedKey]) -> None:
        """An earlier key of the account passed on to one that is already known to be its own."""
        for transition in self.published.transitions:
            successor = successors.get(transition.new_key)
            if transition.key != key.fingerprint or successor is None:
                continue
            text = key_transition(
                self.identity.origin,
                self.identity.account,
                transition.key,
                transition.new_key,
                transition.challenge,
            )
            if all(signer.verifies(text, transition.signatures, alone=False) for signer in (key, successor)):
                return
        raise Refused(Reason.BAD_KEY, "a retired key was never the account's")

    # The machine

    def _ask(self, now: float) -> list[Effect]:
        identity = self.identity
        self.check_device_hash(identity.device, identity.public_key, identity.challenge)
        self.check_attempts(now)
        self.started = now
        self.state = "asked"
        return self._send(
            Request(
                exchange=self.exchange,
                to=self.to,
                suites=self.suites,
                device=identity.device,
                device_key=identity.public_key,
                challenge=identity.challenge,
                commitment=self.commitment,
            )
        )

    def _handle(self, relay: Relay, now: float) -> list[Effect]:
        match relay.frame:
            case Accept() as accept:
                return self._accept(relay, accept, now)
            case Sealed(kind="deliver") as sealed:
                return self._deliver(sealed)
            case _:
                raise Refused(Reason.OUT_OF_ORDER, "no such frame comes to a new device")

    def _accept(self, relay: Relay, accept: Accept, now: float) -> list[Effect]:
        self.check_named_device(relay)
        self.check_suite(accept.suite, self.suites)
        self.check_method(accept.method)
        if self._ephemeral_key is None:
            raise Refused(Reason.OUT_OF_ORDER, "the exchange's key is gone")
        shared = shared_secret(self._ephemeral_key, accept.ephemeral_key)
        self.check_zero_point(shared)
        self.check_attempts(now)
        self.attempts.begin(self.exchange, now)
        self.schedule = Schedule.derive(
            self._transcript(accept).digest(),
            shared,
            (self._qr_secret or b"") if accept.method == "qr" else b"",
        )
        self.peer = relay.sender
        self.method = accept.method
        self._accepted = accept
        self.state = "revealed"
        proof = self.identity.device_key.sign(self.schedule.statement("prove"))
        prove = Sealed("prove", self.exchange, self.schedule.seal("prove", proof))
        shown: list[Effect] = [ShowCode(self.schedule.code())] if accept.method == "code" else []
        return [*self._send(self._reveal, prove), *shown]

    def _transcript(self, accept: Accept) -> Transcript:
        return Transcript(
            origin=self.identity.origin,
            account=self.identity.account,
            exchange=self.exchange,
            suites=suites_text(self.suites),
            suite=accept.suite,
            method=accept.method,
            new_device=self.identity.device,
            new_device_key=self.identity.public_key,
            commitment=self.commitment,
            existing_device=accept.device,
            existing_device_key=accept.device_key,
            existing_ephemeral_key=accept.ephemeral_key,
            existing_nonce=accept.nonce,
            new_ephemeral_key=self._reveal.ephemeral_key,
            new_nonce=self._reveal.nonce,
        )

    def _deliver(self, sealed: Sealed) -> list[Effect]:
        accept = self._accepted
        if accept is None:
            raise Refused(Reason.OUT_OF_ORDER, "nobody accepted yet")
        plaintext = self._unseal("deliver", sealed.sealed, Reason.BAD_KEY)
        try:
            delivery = Delivery.from_json(plaintext)
        except ValueError:
            raise Refused(Reason.BAD_KEY, "delivery is not of the protocol") from None
        self.check_proof(delivery, accept)
        self._examine(delivery, accept)
        self._delivery = delivery
        self.state = "typing"
        self._unanswered = []
        return self._adopt(delivery) if self.method == "qr" else [AskReturnCode()]

    def _examine(self, delivery: Delivery, accept: Accept) -> None:
        with self.openpgp.examine(delivery.key.private_key) as key:
            self.check_fingerprint(key, delivery)
            self.check_certificate(key, delivery, accept)
            self.check_secret_subkeys(key)
            self._examine_retired({key.fingerprint: key}, delivery.key.retired_keys)

    def _examine_retired(self, known: Mapping[str, ExaminedKey], retired: tuple[str, ...]) -> None:
        """`retired` goes from the latest to the first, so each is vouched for by one before it."""
        if not retired:
            return
        with self.openpgp.examine(retired[0]) as key:
            self.check_retired_key(key, known)
            self.check_secret_subkeys(key)
            self._examine_retired({**known, key.fingerprint: key}, retired[1:])

    def _typed(self, typed: str) -> list[Effect]:
        if self.state != "typing" or self._delivery is None:
            raise Refused(Reason.OUT_OF_ORDER, "no return code was asked for")
        self.check_return_code(typed)
        return self._adopt(self._delivery)

    def _adopt(self, delivery: Delivery) -> list[Effect]:
        key = delivery.key
        ack = self._send(Sealed("ack", self.exchange, self._schedule.seal("ack", b"")))
        self.attempts.succeed(self.exchange)
        self._finish()
        return [Adopt(key.fingerprint, key.private_key, key.retired_keys), *ack, Done()]

    def _forget(self) -> None:
        super()._forget()
        self._ephemeral_key = None
        self._qr_secret = None
        self._delivery = None
