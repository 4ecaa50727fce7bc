"""All exchanges of one account, as one immutable value: what the store keeps and swaps whole.

Every method gives the new desk and the devices that there is something new for. Times are Unix
seconds. A Refused leaves the desk as it was.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from devices.protocol.device_hash import DeviceHash
from keyexchange.protocol import server_frames
from keyexchange.protocol.exchange import Exchange, Parcel, Sender, Woken
from keyexchange.protocol.frames import ExchangeId, Frame
from keyexchange.protocol.machine import Event
from keyexchange.protocol.refusals import (
    BadDevice,
    ExchangeOpen,
    OutOfOrder,
    RateLimited,
    UnknownDevice,
)

LIMIT_WINDOW_SECONDS: Final = 600.0
REQUESTS_PER_DEVICE: Final = 5
REQUESTS_PER_ACCOUNT: Final = 10


@dataclass(frozen=True, slots=True)
class Asking:
    """What the server knows of a request besides the frame: how N is named, and whom it may ask."""

    name: str
    platform: str
    active: Collection[DeviceHash]


@dataclass(frozen=True, slots=True)
class Desk:
    """The account's exchanges by id, in the order of their requests; those over are remembered."""

    exchanges: Mapping[ExchangeId, Exchange] = field(default_factory=dict)

    def aged(self, now: float) -> tuple["Desk", Woken]:
        """The desk at `now`: what is due has expired, been dropped or been forgotten."""
        if self.next_change > now:
            return self, frozenset()
        exchanges, woken = {}, frozenset[DeviceHash]()
        for exchange in self.exchanges.values():
            kept, news = exchange.aged(now)
            woken |= news
            if kept is not None:
                exchanges[kept.id] = kept
        return Desk(exchanges), woken

    @property
    def next_change(self) -> float:
        """When time alone changes the desk; infinite for an empty one."""
        return min((exchange.next_change for exchange in self.exchanges.values()), default=math.inf)

    def deadline_of(self, device: DeviceHash) -> float | None:
        """When the first of the open exchanges that `device` takes part in expires."""
        return min(
            (
                exchange.deadline
                for exchange in self.exchanges.values()
                if exchange.is_open and device in exchange.parties
            ),
            default=None,
        )

    def request(self, frame: Frame, sender: Sender, asking: Asking, now: float) -> tuple["Desk", Woken]:
        """Frame 1. Raises Refused."""
        _own_device(frame, sender)
        desk, woken = self.aged(now)
        known = desk.exchanges.get(frame.exchange)
        if known is not None and known.last.get(sender.device) == frame.digest:
            return desk, woken | known.waited_for
        if known is not None or sender.active:
            raise OutOfOrder(exchange=frame.exchange)
        if any(exchange.is_open and exchange.new == sender.device for exchange in desk.exchanges.values()):
            raise ExchangeOpen(exchange=frame.exchange)
        others = tuple(device for device in asking.active if device != sender.device)
        asked = others if frame.to is None else (frame.to,)
        if not asked or not set(asked) <= set(others):
            raise UnknownDevice(exchange=frame.exchange)
        desk._within_limits(frame, sender, now)
        opened = Exchange(
            id=frame.exchange,
            new=sender.device,
            new_key=sender.device_key,
            requested_at=now,
            asked=asked,
        )
        offer = server_frames.offer(
            frame,
            sender=sender.device,
            name=asking.name,
            platform=asking.platform,
            expires_at=opened.deadline,
        )
        opened, asked_now = opened.after(Event.REQUEST, by=sender.device, frame=frame, offer=offer)
        return desk._with(opened), woken | asked_now

    def take(self, frame: Frame, sender: Sender, now: float) -> tuple["Desk", Woken]:
        """Frames 2 to 7 and `cancel`. Raises Refused."""
        _own_device(frame, sender)
        desk, woken = self.aged(now)
        exchange = desk.exchanges.get(frame.exchange)
        if exchange is None:
            raise OutOfOrder(exchange=frame.exchange)
        if exchange.last.get(sender.device) == frame.digest:
            return desk, woken | exchange.waited_for
        event = exchange.event(frame, sender)
        try:
            exchange, news = exchange.after(event, by=sender.device, frame=frame)
        except OutOfOrder:
            raise OutOfOrder(exchange=frame.exchange) from None
        return desk._with(exchange), woken | news

    def without(self, device: DeviceHash, now: float) -> tuple["Desk", Woken]:
        """The desk once `device` has ended: its offers, and the exchanges that need it, end with it."""
        desk, woken = self.aged(now)
        for exchange in desk.exchanges.values():
            if not exchange.is_open or device not in exchange.parties:
                continue
            spare = device in exchange.asked and len(exchange.asked) > 1
            exchange, news = exchange.after(Event.DECLINE if spare else Event.PARTY_ENDED, by=device)
            desk, woken = desk._with(exchange), woken | news
        return desk, woken

    def unsent(self, device: DeviceHash, sent: Mapping[ExchangeId, int]) -> list[tuple[ExchangeId, Parcel]]:
        """What is addressed to `device` beyond the serial that `sent` names for each exchange, in order."""
        return [
            (exchange.id, parcel)
            for exchange in self.exchanges.values()
            for parcel in exchange.outbox.get(device, ())
            if parcel.serial > sent.get(exchange.id, 0)
        ]

    def handed_over(self, device: DeviceHash, sent: Mapping[ExchangeId, int]) -> "Desk":
        """The desk without the parting frames to `device` that `sent` covers."""
        return Desk(
            {
                exchange.id: exchange.handed_over(device, sent.get(exchange.id, 0))
                for exchange in self.exchanges.values()
            }
        )

    def _with(self, exchange: Exchange) -> "Desk":
        return Desk({**self.exchanges, exchange.id: exchange})

    def _within_limits(self, frame: Frame, sender: Sender, now: float) -> None:
        """Only requests that were taken are on the desk, so refused ones do not count.

        A device is counted by its key: its hash changes with each login.
        """
        recent = [
            exchange.new_key
            for exchange in self.exchanges.values()
            if now - exchange.requested_at < LIMIT_WINDOW_SECONDS
        ]
        if len(recent) >= REQUESTS_PER_ACCOUNT or recent.count(sender.device_key) >= REQUESTS_PER_DEVICE:
            raise RateLimited(exchange=frame.exchange)


def _own_device(frame: Frame, sender: Sender) -> None:
    if frame.device is not None and (frame.device, frame.device_key) != (sender.device, sender.device_key):
        raise BadDevice(exchange=frame.exchange)
