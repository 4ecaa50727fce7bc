"""Any sequence of frames, by any devices, at any pace, leaves the desk legal."""

import json
from collections import defaultdict
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from devices.protocol.device_hash import DeviceHash
from keyexchange.protocol.desk import (
    LIMIT_WINDOW_SECONDS,
    REQUESTS_PER_ACCOUNT,
    REQUESTS_PER_DEVICE,
    Asking,
    Desk,
)
from keyexchange.protocol.exchange import HELD_SECONDS, Exchange, Woken
from keyexchange.protocol.frames import ExchangeId, Frame
from keyexchange.protocol.machine import OPEN, TABLE, State
from keyexchange.protocol.refusals import Refused
from keyexchange.store import codec
from tests.keyexchange.builders import LAPTOP, NEW, STRANGER, TABLET, Actor, exchange_id

WATCH = Actor("new watch", active=False)
ACTORS = [NEW, NEW.logged_in_again(), WATCH, LAPTOP, TABLET, STRANGER]
IDS = [exchange_id(name) for name in ("a", "b", "c")]
KINDS = ["accept", "reveal", "prove", "deliver", "ack", "cancel"]

actors = st.sampled_from(ACTORS)
ids = st.sampled_from(IDS)
# What may follow the state that an exchange is in, so that deep states are reached, and anything.
NEXT = {
    State.OFFERED: "accept",
    State.ACCEPTED: "reveal",
    State.REVEALED: "prove",
    State.PROVED: "deliver",
    State.DELIVERED: "ack",
}


class AnyPlay(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.now = 1_800_000_000.0
        self.asked: dict[ExchangeId, set[DeviceHash]] = {}
        self.accepted: dict[ExchangeId, DeviceHash] = {}
        self.seen: dict[tuple[ExchangeId, DeviceHash], list[int]] = defaultdict(list)
        self.requests: list[tuple[float, Actor]] = []

    @initialize(to=st.sampled_from([None, LAPTOP]))
    def begin(self, to: Actor | None) -> None:
        self.request(NEW, IDS[0], to)

    def moved(self, desk: Desk, woken: Woken) -> None:
        """Take the new desk; every step from state to state must be one of the table's."""
        for exchange in desk.exchanges.values():
            before = self.desk.exchanges.get(exchange.id)
            self.legal(State.UNKNOWN if before is None else before.state, exchange.state)
        for device in woken:
            assert desk.unsent(device, {}), "woken for nothing"
        self.desk = desk
        self.deliver()

    def legal(self, before: State, after: State) -> None:
        steps = {(state, target) for (state, _), (target, _) in TABLE.items()}
        direct = before is after or (before, after) in steps
        # A request may come and run out within one look.
        assert direct or (before is State.UNKNOWN and after is State.EXPIRED)

    def deliver(self) -> None:
        """Let everybody read; nobody reads what is not theirs, and relays are numbered without a gap."""
        for actor in ACTORS:
            for id, parcel in self.desk.unsent(actor.hash, {}):
                exchange = self.desk.exchanges[id]
                assert actor.hash in self.audience(exchange)
                if parcel.seq:
                    self.numbered(id, actor, parcel.seq, json.loads(parcel.text))

    def audience(self, exchange: Exchange) -> set[DeviceHash]:
        return {exchange.new, *self.asked[exchange.id]}

    def numbered(self, id: ExchangeId, actor: Actor, seq: int, relay: dict[str, Any]) -> None:
        seen = self.seen[id, actor.hash]
        if seq not in seen:
            assert seq == len(seen) + 1
            seen.append(seq)
        assert relay["seq"] == seq
        assert relay["from"] != actor.hash
        if relay["frame"]["type"] not in ("cancel", "accept"):
            assert actor.hash in (self.desk.exchanges[id].new, self.accepted[id])

    def sent(self, actor: Actor, frame: Frame) -> None:
        try:
            desk, woken = self.desk.take(frame, actor.sender, self.now)
        except Refused:
            return
        if frame.type == "accept":
            winner = self.accepted.setdefault(frame.exchange, actor.hash)
            assert winner == actor.hash, "two accepts were taken"
        self.moved(desk, woken)

    @rule(actor=actors, id=ids, to=st.sampled_from([None, LAPTOP, STRANGER]))
    def request(self, actor: Actor, id: ExchangeId, to: Actor | None) -> None:
        frame = actor.frame("request", id, to=to.hash if to else None)
        active = (LAPTOP.hash, TABLET.hash)
        known = id in self.desk.exchanges
        try:
            desk, woken = self.desk.request(frame, actor.sender, Asking("n", "p", active), self.now)
        except Refused:
            return
        if not known or not self.desk.aged(self.now)[0].exchanges.get(id):
            self.asked[id] = {to.hash} if to else set(active)
            self.accepted.pop(id, None)
            self.requests.append((self.now, actor))
            for actor_ in ACTORS:
                self.seen.pop((id, actor_.hash), None)
        self.moved(desk, woken)

    @rule(actor=actors, id=ids, kind=st.sampled_from(KINDS))
    def any_frame(self, actor: Actor, id: ExchangeId, kind: str) -> None:
        self.sent(actor, actor.frame(kind, id))

    @rule(id=ids, by=st.sampled_from([LAPTOP, TABLET]))
    def the_next_frame(self, id: ExchangeId, by: Actor) -> None:
        exchange = self.desk.exchanges.get(id)
        if exchange is None or exchange.state not in NEXT:
            return
        kind = NEXT[exchange.state]
        if kind not in ("accept", "deliver"):
            by = next(actor for actor in ACTORS if actor.hash == exchange.new)
        self.sent(by, by.frame(kind, id))

    @rule(actor=st.sampled_from([NEW, NEW.logged_in_again(), WATCH]), times=st.integers(1, 7))
    def a_device_asks_and_cancels_again_and_again(self, actor: Actor, times: int) -> None:
        for _ in range(times):
            id = exchange_id(f"fresh {len(self.requests)}")
            self.request(actor, id, None)
            self.sent(actor, actor.frame("cancel", id))

    @rule(seconds=st.sampled_from([0.5, 30, 119, 120, 600, 3600]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.moved(*self.desk.aged(self.now))

    @rule(actor=actors)
    def a_device_ends(self, actor: Actor) -> None:
        desk, woken = self.desk.without(actor.hash, self.now)
        self.moved(desk, woken)
        assert not any(
            exchange.is_open and actor.hash in exchange.parties for exchange in self.desk.exchanges.values()
        )

    @rule(actor=actors)
    def a_socket_takes_everything(self, actor: Actor) -> None:
        sent = {id: parcel.serial for id, parcel in self.desk.unsent(actor.hash, {})}
        self.moved(self.desk.handed_over(actor.hash, sent), frozenset())

    @invariant()
    def a_new_device_has_one_open_exchange_at_most(self) -> None:
        open_by = [exchange.new for exchange in self.desk.exchanges.values() if exchange.is_open]
        assert len(open_by) == len(set(open_by))

    @invariant()
    def the_limits_hold(self) -> None:
        recent = [actor.key for at, actor in self.requests if self.now - at < LIMIT_WINDOW_SECONDS]
        assert len(recent) <= REQUESTS_PER_ACCOUNT
        assert all(recent.count(key) <= REQUESTS_PER_DEVICE for key in recent)

    @invariant()
    def nothing_relayed_outlives_its_exchange_or_its_time(self) -> None:
        aged, _ = self.desk.aged(self.now)
        for exchange in aged.exchanges.values():
            texts = [parcel.text for box in exchange.outbox.values() for parcel in box]
            if exchange.state not in OPEN:
                assert all(
                    '"type":"relay"' not in text or '"type": "ack"' in text or '"type": "cancel"' in text
                    for text in texts
                )
            if self.now >= exchange.requested_at + HELD_SECONDS:
                assert not [text for text in texts if '"frame"' in text]

    @invariant()
    def an_offer_stands_until_an_accept_and_then_for_its_sender_alone(self) -> None:
        for exchange in self.desk.exchanges.values():
            offered = {
                device for device, box in exchange.outbox.items() for p in box if '"type":"offer"' in p.text
            }
            stands = set(exchange.asked) if exchange.peer is None else {exchange.peer}
            assert offered == (stands if exchange.is_open else set())

    @invariant()
    def the_desk_survives_its_packing(self) -> None:
        unpacked, held = codec.unpack_records(codec.pack_records(self.desk))
        boxes = {id: codec.unpack_outbox(codec.pack_outbox(self.desk.exchanges[id].outbox)) for id in held}
        assert boxes == {
            id: exchange.outbox for id, exchange in self.desk.exchanges.items() if exchange.outbox
        }
        assert unpacked.exchanges.keys() == self.desk.exchanges.keys()


AnyPlay.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyPlay = AnyPlay.TestCase
