"""What both sides of a handoff hold themselves to (PROTOCOL §4, "What clients hold themselves to").

Each rule is a method `check_…` that raises `Refused` or returns nothing. None of them computes
what a later step needs, so a test can take one away and show which attack it alone kept out.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from client.protocol import frames
from client.protocol.attempts import Attempts
from client.protocol.device_hash import device_hash
from client.protocol.effects import Effect, Ended, Send
from client.protocol.encoding import DeviceHash
from client.protocol.frames import Cancel, Expired, Frame, Message, Relay, ServerError, Withdrawn, kind_of
from client.protocol.keyexchange import SUITE, ZERO_POINT, Schedule
from client.protocol.reasons import Reason, Refused

LIFETIME = 120.0
"""Seconds that an exchange may take, by this side's own clock."""

METHODS = ("code", "qr")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this device is, from its own profile: no answer of the server goes in here unchecked."""

    origin: str
    account: str
    device: DeviceHash
    challenge: bytes
    device_key: Ed25519PrivateKey = field(repr=False)

    @property
    def public_key(self) -> bytes:
        """The device key's public half, 32 raw bytes."""
        return self.device_key.public_key().public_bytes_raw()


class Side:
    """One side of one exchange. Give it frames, typed digits and the time; it gives back effects."""

    EXPECTS: ClassVar[Mapping[str, str]] = {}
    """The type of frame that may come next, by state; a state not listed expects none."""

    def __init__(self, identity: Identity, exchange: str, attempts: Attempts) -> None:
        self.identity = identity
        self.exchange = exchange
        self.attempts = attempts
        self.state = "ready"
        self.started: float | None = None
        self.peer: str | None = None
        self.schedule: Schedule | None = None
        self._passed: dict[str, str] = {}
        self._last_seq = 0
        self._unanswered: list[str] = []
        self._tolerated_errors = 0

    # What the outside does

    @property
    def over(self) -> bool:
        """Whether the exchange has come to its end, good or bad."""
        return self.state in ("done", "ended")

    @property
    def deadline(self) -> float | None:
        """When the two minutes end by the caller's clock; None before they began."""
        return None if self.started is None else self.started + LIFETIME

    def receive(self, message: Message | Refused, now: float) -> list[Effect]:
        """Take one frame of the server, or what `reading.read` said of one that it could not read."""
        return self._guarded(now, lambda: self._take(message, now))

    def tick(self, now: float) -> list[Effect]:
        """Notice that time has passed."""
        return self._guarded(now, list)

    def cancel(self, reason: Reason = Reason.USER) -> list[Effect]:
        """End the exchange by this side's will, or for a cause outside of it."""
        return [] if self.over else self._end(reason)

    def resend(self) -> list[Effect]:
        """After a reconnect: the same bytes again, for the server drops what it already has."""
        if self.over:
            return []
        self._tolerated_errors = max(len(self._unanswered) - 1, 0)
        return [Send(text) for text in self._unanswered]

    # The rules

    def check_clock(self, now: float) -> None:
        """The two minutes, by our own clock."""
        if self.started is not None and not self.started <= now < self.started + LIFETIME:
            raise Refused(Reason.EXPIRED, "two minutes have passed")

    def check_attempts(self, now: float) -> None:
        """Three attempts in an hour that came to nothing, then an hour without any."""
        if self.attempts.resting_until(now) is not None:
            raise Refused(Reason.TOO_MANY_ATTEMPTS, "three attempts have failed within an hour")

    def check_readable(self, refused: Refused) -> None:
        """Called for something that is no frame: it is not skipped, for it may have been one."""
        raise refused

    def check_exchange(self, relay: Relay) -> None:
        """No frame of one exchange is taken for a frame of another."""
        if relay.exchange != self.exchange or relay.frame.exchange != self.exchange:
            raise Refused(Reason.BAD_FRAME, "frame of another exchange")

    def check_sender(self, relay: Relay) -> None:
        """From the accept on there is one peer, and it is never this device itself."""
        if relay.sender == self.identity.device or (self.peer is not None and relay.sender != self.peer):
            raise Refused(Reason.WRONG_SENDER, "frame of a device that has no part in this")

    def check_sequence(self, relay: Relay) -> None:
        """`seq` leaves nothing out."""
        if relay.seq > self._last_seq + 1:
            raise Refused(Reason.OUT_OF_ORDER, "a frame is missing")

    def check_repeat(self, relay: Relay) -> None:
        """Called for a frame of a step already passed that says something else than the first did."""
        raise Refused(Reason.CHANGED_FRAME, f"a second, different {kind_of(relay.frame)}")

    def check_order(self, relay: Relay) -> None:
        """Only the one frame that this state waits for."""
        if kind_of(relay.frame) != self.EXPECTS.get(self.state):
            raise Refused(Reason.OUT_OF_ORDER, f"no {kind_of(relay.frame)} is due now")

    def check_device_hash(self, device: DeviceHash, device_key: bytes, challenge: bytes) -> None:
        """A device hash is what it must be for this account, whoever says it."""
        if device_hash(self.identity.account, device_key, challenge) != device:
            raise Refused(Reason.WRONG_DEVICE, "device hash does not belong to this account and key")

    def check_suite(self, suite: str, offered: tuple[str, ...]) -> None:
        """A suite that was offered, and that we have."""
        if suite not in offered or suite != SUITE:
            raise Refused(Reason.WRONG_SUITE, "suite was not offered")

    def check_zero_point(self, shared: bytes) -> None:
        """A point of low order gives a secret that everyone knows."""
        if hmac.compare_digest(shared, ZERO_POINT):
            raise Refused(Reason.ZERO_POINT, "the other key is a point of low order")

    def check_signature(self, kind: str, device_key: bytes, signature: bytes, reason: Reason) -> None:
        """The peer's device key signed this very transcript."""
        try:
            Ed25519PublicKey.from_public_bytes(device_key).verify(signature, self._schedule.statement(kind))
        except (InvalidSignature, ValueError):
            raise Refused(reason, f"{kind} is not signed by the device key") from None

    def check_digits(self, typed: str, expected: str) -> None:
        """The one try that a user has."""
        if not hmac.compare_digest(typed.replace(" ", "").encode(), expected.encode()):
            raise Refused(Reason.CODE_MISMATCH, "the digits are not the same")

    # The machine

    @property
    def _schedule(self) -> Schedule:
        if self.schedule is None:
            raise Refused(Reason.OUT_OF_ORDER, "no keys are agreed yet")
        return self.schedule

    def _unseal(self, kind: str, sealed: bytes, reason: Reason) -> bytes:
        """Opens only what was sealed by whoever has the shared secret, for this exchange and step."""
        try:
            return self._schedule.open(kind, sealed)
        except InvalidTag:
            raise Refused(reason, f"{kind} does not open") from None

    def _guarded(self, now: float, act: Callable[[], list[Effect]]) -> list[Effect]:
        if self.over:
            return []
        try:
            self.check_clock(now)
            return act()
        except Refused as refused:
            return self._end(refused.reason)

    def _take(self, message: Message | Refused, now: float) -> list[Effect]:
        match message:
            case Refused():
                self.check_readable(message)
                return []
            case Relay():
                return self._relayed(message, now)
            case Withdrawn(exchange=self.exchange):
                return self._end(Reason.WITHDRAWN, by="server")
            case Expired(exchange=self.exchange):
                return self._end(Reason.EXPIRED, by="server")
            case ServerError(exchange=self.exchange | None):
                return self._error(message)
            case _:
                return []

    def _relayed(self, relay: Relay, now: float) -> list[Effect]:
        if relay.exchange == relay.frame.exchange != self.exchange:
            # Wholly of another exchange: a cancel that was held for this device, say.
            return []
        self.check_exchange(relay)
        if isinstance(relay.frame, Cancel):
            return self._end(relay.frame.reason or Reason.USER, by="peer")
        self.check_sender(relay)
        kind = kind_of(relay.frame)
        if self._passed.get(kind) == relay.identity:
            self._last_seq = max(self._last_seq, relay.seq)
            return []
        if kind in self._passed:
            self.check_repeat(relay)
        else:
            self.check_sequence(relay)
            self.check_order(relay)
        effects = self._handle(relay, now)
        self._passed[kind] = relay.identity
        self._last_seq = max(self._last_seq, relay.seq)
        return effects

    def _handle(self, relay: Relay, now: float) -> list[Effect]:
        raise NotImplementedError

    def _error(self, error: ServerError) -> list[Effect]:
        if self._tolerated_errors and error.code == Reason.OUT_OF_ORDER:
            self._tolerated_errors -= 1
            return []
        known = (Reason.RATE_LIMITED, Reason.EXCHANGE_OPEN, Reason.UNKNOWN_DEVICE)
        reason = next((reason for reason in known if reason == error.code), Reason.REFUSED_BY_SERVER)
        return self._end(reason, by="server")

    def _send(self, *sent: Frame) -> list[Effect]:
        # Kept until the peer answers: after a reconnect the very same bytes go out again.
        self._unanswered = [frames.write(frame) for frame in sent]
        return [Send(text) for text in self._unanswered]

    def _end(self, reason: Reason, by: str = "self") -> list[Effect]:
        spoken = self.state != "ready"
        self.state = "ended"
        self._forget()
        word = reason.cancel if by == "self" else None
        told: list[Effect] = []
        if word is not None and spoken:
            told = [Send(frames.write(Cancel(self.exchange, word)))]
        return [*told, Ended(reason, by)]

    def _finish(self) -> None:
        self.state = "done"
        self._forget()

    def _forget(self) -> None:
        """Let go of every secret of this exchange."""
        self.schedule = None
        self._unanswered = []
