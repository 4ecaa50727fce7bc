"""One exchange: who is in it, how far it is, and what is still to be handed to whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from devices.protocol.device_hash import DeviceHash
from keyexchange.protocol import server_frames
from keyexchange.protocol.frames import MAX_FRAME_BYTES, ExchangeId, Frame
from keyexchange.protocol.machine import OPEN, Effect, Event, State, step
from keyexchange.protocol.refusals import BadFrame, OutOfOrder

HELD_SECONDS: Final = 120.0
"""How long an exchange may take, and how long what it relays is held, from the request."""

REMEMBERED_SECONDS: Final = 3600.0
"""How long an id that was used is known, from the request; a pending device's challenge lives as long."""

Woken = frozenset[DeviceHash]

_PARTING: Final = frozenset({"ack", "cancel"})

_EVENTS_OF_NEW: Final = {
    "reveal": Event.REVEAL,
    "prove": Event.PROVE,
    "ack": Event.ACK,
    "cancel": Event.CANCEL_BY_NEW,
}
_EVENTS_OF_PEER: Final = {"deliver": Event.DELIVER, "cancel": Event.CANCEL_BY_PEER}
_NEEDS_ACTIVE: Final = frozenset({"accept", "deliver"})


@dataclass(frozen=True, slots=True)
class Sender:
    """The device that a frame came from. `device_key` is base64url; `active` is its state now."""

    device: DeviceHash
    device_key: str
    active: bool


@dataclass(frozen=True, slots=True)
class Parcel:
    """A server frame addressed to one device.

    `serial` orders the parcels of an exchange, from 1; `seq` is the relay's own number, 0 for what
    is not relayed. A `parting` one outlives its exchange until it is handed over or the time is up.
    """

    serial: int
    text: str = field(repr=False)
    seq: int = 0
    parting: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """`asked` are the devices whose offer stands, none once one has accepted and is `peer`.

    `new_key` is the device key of N, base64url, which stays when a new login gives N another hash.
    `requested_at` is Unix seconds. `last` holds the digest of each sender's last frame.
    """

    id: ExchangeId
    new: DeviceHash
    new_key: str
    requested_at: float
    asked: tuple[DeviceHash, ...] = ()
    peer: DeviceHash | None = None
    state: State = State.UNKNOWN
    written: int = 0
    last: Mapping[DeviceHash, str] = field(default_factory=dict)
    outbox: Mapping[DeviceHash, tuple[Parcel, ...]] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def deadline(self) -> float:
        return self.requested_at + HELD_SECONDS

    @property
    def parties(self) -> tuple[DeviceHash, ...]:
        """Who takes part: N, and E or the devices that may yet become E."""
        return (self.new, *(self.asked if self.peer is None else (self.peer,)))

    @property
    def waited_for(self) -> Woken:
        """The devices that something lies here for. One that repeats its frame has them woken again,
        for the first wake-up may not have reached them."""
        return frozenset(self.outbox)

    def event(self, frame: Frame, sender: Sender) -> Event:
        """What this frame from this sender is. Raises OutOfOrder where it is nothing.

        Only parties have events, so a frame of anyone else can reach nobody.
        """
        if frame.type in _NEEDS_ACTIVE and not sender.active:
            raise OutOfOrder(exchange=self.id)
        event = None
        if sender.device == self.new:
            event = _EVENTS_OF_NEW.get(frame.type)
        elif sender.device == self.peer:
            event = _EVENTS_OF_PEER.get(frame.type)
        elif sender.device in self.asked:
            if frame.type == "accept":
                event = Event.ACCEPT
            elif frame.type == "cancel":
                event = Event.DECLINE if len(self.asked) > 1 else Event.LAST_DECLINE
        if event is None:
            raise OutOfOrder(exchange=self.id)
        return event

    def after(
        self,
        event: Event,
        *,
        by: DeviceHash | None = None,
        frame: Frame | None = None,
        offer: str = "",
    ) -> tuple["Exchange", Woken]:
        """The exchange once `event` has happened, and whom there is something new for.

        `offer` is the text for the asked devices, at a request. Raises OutOfOrder, and BadFrame where
        what the server puts around the frame makes it larger than a frame may be.
        """
        state, effects = step(self.state, event)
        draft = _Draft(self)
        peer, asked = self.peer, self.asked
        for effect in effects:
            match effect:
                case Effect.OFFER_TO_ASKED:
                    draft.put(asked, offer)
                case Effect.RELAY_TO_NEW:
                    draft.relay([self.new], frame, by)
                case Effect.RELAY_TO_PEER:
                    draft.relay([peer] if peer else [], frame, by)
                case Effect.RELAY_TO_ASKED:
                    draft.relay(asked, frame, by)
                case Effect.WITHDRAW_FROM_OTHERS:
                    # E's own offer stays to the end: E may come back and must be sent everything.
                    others = [device for device in asked if device != by]
                    draft.drop(others)
                    draft.put(others, server_frames.withdrawn(self.id), parting=True)
                    peer, asked = by, ()
                case Effect.END_OWN_OFFER:
                    asked = tuple(device for device in asked if device != by)
                    draft.drop([by] if by else [])
                case Effect.TELL_EXPIRED:
                    draft.put(self.parties, server_frames.expired(self.id), parting=True)
                case Effect.TELL_WITHDRAWN:
                    draft.drop([by] if by else [])
                    draft.put(
                        [device for device in self.parties if device != by],
                        server_frames.withdrawn(self.id),
                        parting=True,
                    )
                case Effect.DROP_PAYLOADS:
                    draft.keep_parting()
        changed = replace(
            self,
            state=state,
            peer=peer,
            asked=asked,
            written=draft.written,
            last={**self.last, by: frame.digest} if by and frame else self.last,
            outbox=draft.outbox,
        )
        return changed, frozenset(draft.woken)

    @property
    def next_change(self) -> float:
        """When time alone changes it, Unix seconds."""
        if self.is_open:
            return self.deadline
        if self.outbox:
            # `expired` itself carries nothing of the exchange: it waits as long again for a device
            # that is just then away.
            return self.deadline + (HELD_SECONDS if self.state is State.EXPIRED else 0)
        return self.requested_at + REMEMBERED_SECONDS

    def aged(self, now: float) -> tuple["Exchange | None", Woken]:
        """The exchange as it is at `now`, None once it is forgotten; and whom that is news for."""
        woken: Woken = frozenset()
        exchange = self
        while exchange.next_change <= now:
            if exchange.is_open:
                exchange, woken = exchange.after(Event.EXPIRE)
            elif exchange.outbox:
                exchange, woken = replace(exchange, outbox={}), frozenset()
            else:
                return None, frozenset()
        return exchange, woken

    def handed_over(self, device: DeviceHash, serial: int) -> "Exchange":
        """Without the parting frames to `device` up to `serial`, which its socket has taken."""
        mine = self.outbox.get(device, ())
        kept = tuple(parcel for parcel in mine if not parcel.parting or parcel.serial > serial)
        if len(kept) == len(mine):
            return self
        outbox = {**self.outbox, device: kept}
        return replace(self, outbox={whom: parcels for whom, parcels in outbox.items() if parcels})


class _Draft:
    """An outbox being rewritten; the exchange it came from is left as it was."""

    def __init__(self, exchange: Exchange) -> None:
        self.id = exchange.id
        self.written = exchange.written
        self.outbox = dict(exchange.outbox)
        self.woken: set[DeviceHash] = set()

    def put(self, to: Iterable[DeviceHash], text: str, *, seq: int = 0, parting: bool = False) -> None:
        if len(text) > MAX_FRAME_BYTES:
            raise BadFrame("A frame is at most 64 KiB with what the server puts around it.", exchange=self.id)
        for device in to:
            self.written += 1
            parcel = Parcel(self.written, text, seq, parting)
            self.outbox[device] = (*self.outbox.get(device, ()), parcel)
            self.woken.add(device)

    def relay(self, to: Iterable[DeviceHash], frame: Frame | None, sender: DeviceHash | None) -> None:
        if frame is None or sender is None:
            raise TypeError("only a frame is relayed")
        for device in to:
            seq = 1 + sum(parcel.seq > 0 for parcel in self.outbox.get(device, ()))
            text = server_frames.relay(frame, seq=seq, sender=sender)
            self.put([device], text, seq=seq, parting=frame.type in _PARTING)

    def drop(self, devices: Iterable[DeviceHash]) -> None:
        for device in devices:
            self.outbox.pop(device, None)

    def keep_parting(self) -> None:
        kept = {
            device: tuple(parcel for parcel in parcels if parcel.parting)
            for device, parcels in self.outbox.items()
        }
        self.outbox = {device: parcels for device, parcels in kept.items() if parcels}
