"""The existing device's side: its user agrees, types six digits, and it hands the account key on."""

import hmac
from collections.abc import Mapping
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from client.protocol.attempts import Attempts
from client.protocol.delivery import AccountKey, Delivery
from client.protocol.effects import AskCode, Done, Effect, HandOver, ShowReturnCode
from client.protocol.frames import Accept, Message, Offer, Relay, Reveal, Sealed
from client.protocol.keyexchange import SUITE, Schedule, Transcript, commitment, shared_secret, suites_text
from client.protocol.qr import QRCode
from client.protocol.reasons import Reason, Refused
from client.protocol.side import Identity, Side


class ExistingDevice(Side):
    """One offer to an active device, from the question to its user until the key is delivered.

    `ephemeral_key` and `nonce` (32 bytes) are made for this offer and no other: so they are
    bound to its one commitment. `received` is when the offer came, by the caller's clock.
    """

    EXPECTS: ClassVar[Mapping[str, str]] = {"accepted": "reveal", "opened": "prove", "delivered": "ack"}

    def __init__(
        self,
        identity: Identity,
        offer: Offer,
        *,
        received: float,
        ephemeral_key: X25519PrivateKey,
        nonce: bytes,
        certificate: str,
        attempts: Attempts,
    ) -> None:
        super().__init__(identity, offer.request.exchange, attempts)
        self.offer = offer
        self.request = offer.request
        self.certificate = certificate
        self.started = received
        self.peer = offer.request.device
        self._ephemeral_key: X25519PrivateKey | None = ephemeral_key
        self._nonce = nonce
        self._qr: QRCode | None = None
        self._accepted: Accept | None = None
        self._delivered = False

    @property
    def delivered(self) -> bool:
        """Whether the key has gone out; then the peer may have it, whatever came after."""
        return self._delivered

    # What the user does

    def examine(self, now: float) -> list[Effect]:
        """Whether the offer is one to ask the user about: nothing, or its end."""
        if self.state != "ready":
            raise ValueError("an offer is examined once")
        return self._guarded(now, lambda: self._examine(now))

    def accept(self, now: float, qr: QRCode | None = None) -> list[Effect]:
        """The user agreed; `qr` is the code that was scanned on the new device, if one was."""
        return self._guarded(now, lambda: self._accept(now, qr))

    def decline(self) -> list[Effect]:
        """The user said no."""
        return self.cancel(Reason.DECLINED)

    def enter_code(self, typed: str, now: float) -> list[Effect]:
        """The six digits that the user read on the new device; there is one try."""
        return self._guarded(now, lambda: self._typed(typed))

    def deliver(self, key: AccountKey, now: float) -> list[Effect]:
        """The answer to `HandOver`: the key goes out, to this peer and no other."""
        return self._guarded(now, lambda: self._deliver(key))

    # The rules of this side; those of both are in `Side`

    def check_request(self) -> None:
        """The offer is what its sender says about itself, and not an echo of this device."""
        request = self.request
        if self.offer.sender != request.device or request.device == self.identity.device:
            raise Refused(Reason.WRONG_SENDER, "an offer that speaks for another device")
        if request.to is not None and request.to != self.identity.device:
            raise Refused(Reason.WRONG_SENDER, "an offer to another device")

    def check_unused_exchange(self) -> None:
        """An exchange id is taken once, whatever became of it."""
        if self.attempts.taken(self.exchange):
            raise Refused(Reason.USED_EXCHANGE, "this exchange was taken before")

    def check_same_request(self, offer: Offer) -> None:
        """Of one exchange there is one request: the one that the user was asked about."""
        if offer.identity != self.offer.identity:
            raise Refused(Reason.CHANGED_FRAME, "a second, different request")

    def check_qr(self, qr: QRCode) -> None:
        """The code that was scanned speaks of this server and of this very commitment."""
        same = hmac.compare_digest(qr.commitment, self.request.commitment)
        if qr.origin != self.identity.origin or qr.exchange != self.exchange or not same:
            raise Refused(Reason.WRONG_QR, "the scanned code is of another request")

    def check_commitment(self, reveal: Reveal) -> None:
        """The new device reveals what it had chosen before it saw our key and nonce."""
        request = self.request
        opened = commitment(
            request.exchange,
            request.suites,
            request.device,
            request.device_key,
            reveal.ephemeral_key,
            reveal.nonce,
        )
        if not hmac.compare_digest(opened, request.commitment):
            raise Refused(Reason.BAD_COMMITMENT, "the commitment does not open")

    def check_prove(self, signature: bytes) -> None:
        """The new device's own key signed this transcript."""
        self.check_signature("prove", self.request.device_key, signature, Reason.BAD_PROOF)

    def check_code(self, typed: str) -> None:
        """The digits on the new device are the digits of this exchange."""
        self.check_digits(typed, self._schedule.code())

    def check_ack(self, plaintext: bytes) -> None:
        """An ack holds nothing."""
        if plaintext:
            raise Refused(Reason.BAD_PROOF, "an ack that holds something")

    # The machine

    def _examine(self, now: float) -> list[Effect]:
        self.check_unused_exchange()
        # Until the request is found sound there is nobody to answer.
        self.state = "asking"
        self.check_request()
        self.check_device_hash(self.request.device, self.request.device_key, self.request.challenge)
        self.check_suite(SUITE, self.request.suites)
        self.check_attempts(now)
        return []

    def _accept(self, now: float, qr: QRCode | None) -> list[Effect]:
        if self.state != "asking" or self._ephemeral_key is None:
            raise Refused(Reason.OUT_OF_ORDER, "there is nothing to accept")
        if qr is not None:
            self.check_qr(qr)
        self.check_unused_exchange()
        self.check_attempts(now)
        self.attempts.begin(self.exchange, now)
        self._qr = qr
        self._accepted = Accept(
            exchange=self.exchange,
            suite=SUITE,
            method="code" if qr is None else "qr",
            device=self.identity.device,
            device_key=self.identity.public_key,
            ephemeral_key=self._ephemeral_key.public_key().public_bytes_raw(),
            nonce=self._nonce,
        )
        self.state = "accepted"
        return self._send(self._accepted)

    def _take(self, message: Message | Refused, now: float) -> list[Effect]:
        if isinstance(message, Offer) and message.request.exchange == self.exchange:
            self.check_same_request(message)
            return []
        return super()._take(message, now)

    def _handle(self, relay: Relay, now: float) -> list[Effect]:
        match relay.frame:
            case Reveal() as reveal:
                return self._open(reveal)
            case Sealed(kind="prove") as sealed:
                return self._proven(sealed)
            case Sealed(kind="ack") as sealed:
                return self._acknowledged(sealed)
            case _:
                raise Refused(Reason.OUT_OF_ORDER, "no such frame comes to an existing device")

    def _open(self, reveal: Reveal) -> list[Effect]:
        self.check_commitment(reveal)
        accept = self._accepted
        if accept is None or self._ephemeral_key is None:
            raise Refused(Reason.OUT_OF_ORDER, "nothing was accepted")
        shared = shared_secret(self._ephemeral_key, reveal.ephemeral_key)
        self.check_zero_point(shared)
        secret = b"" if self._qr is None else self._qr.secret
        self.schedule = Schedule.derive(self._transcript(accept, reveal).digest(), shared, secret)
        self.state = "opened"
        self._unanswered = []
        return []

    def _transcript(self, accept: Accept, reveal: Reveal) -> Transcript:
        return Transcript(
            origin=self.identity.origin,
            account=self.identity.account,
            exchange=self.exchange,
            suites=suites_text(self.request.suites),
            suite=accept.suite,
            method=accept.method,
            new_device=self.request.device,
            new_device_key=self.request.device_key,
            commitment=self.request.commitment,
            existing_device=accept.device,
            existing_device_key=accept.device_key,
            existing_ephemeral_key=accept.ephemeral_key,
            existing_nonce=accept.nonce,
            new_ephemeral_key=reveal.ephemeral_key,
            new_nonce=reveal.nonce,
        )

    def _proven(self, sealed: Sealed) -> list[Effect]:
        self.check_prove(self._unseal("prove", sealed.sealed, Reason.BAD_PROOF))
        if self._qr is not None:
            self.state = "agreed"
            return [HandOver()]
        self.state = "typing"
        return [AskCode()]

    def _typed(self, typed: str) -> list[Effect]:
        if self.state != "typing":
            raise Refused(Reason.OUT_OF_ORDER, "no code was asked for")
        self.check_code(typed)
        self.state = "agreed"
        return [HandOver()]

    def _deliver(self, key: AccountKey) -> list[Effect]:
        if self.state != "agreed":
            raise Refused(Reason.OUT_OF_ORDER, "nobody may have the key")
        proof = self.identity.device_key.sign(self._schedule.statement("deliver"))
        try:
            plaintext = Delivery(key, self.certificate, proof).to_json()
        except ValueError:
            raise Refused(Reason.BAD_KEY, "the account's keys do not fit a delivery") from None
        sent = self._send(Sealed("deliver", self.exchange, self._schedule.seal("deliver", plaintext)))
        self.attempts.succeed(self.exchange)
        self.state = "delivered"
        self._delivered = True
        shown: list[Effect] = [ShowReturnCode(self._schedule.return_code())] if self._qr is None else []
        return [*sent, *shown]

    def _acknowledged(self, sealed: Sealed) -> list[Effect]:
        self.check_ack(self._unseal("ack", sealed.sealed, Reason.BAD_PROOF))
        self._finish()
        return [Done()]

    def _forget(self) -> None:
        super()._forget()
        self._ephemeral_key = None
        self._qr = None
