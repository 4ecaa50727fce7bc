"""One account's exchanges: who may do what, what reaches whom, limits, ends and time."""

import contextlib
import json
from typing import Any

import pytest

from keyexchange.protocol.desk import Asking, Desk
from keyexchange.protocol.exchange import HELD_SECONDS, REMEMBERED_SECONDS, Woken
from keyexchange.protocol.frames import MAX_FRAME_BYTES, parse
from keyexchange.protocol.machine import State
from keyexchange.protocol.refusals import (
    BadDevice,
    BadFrame,
    ExchangeOpen,
    OutOfOrder,
    RateLimited,
    Refused,
    UnknownDevice,
)
from tests.keyexchange.builders import LAPTOP, NEW, STORY, STRANGER, TABLET, Actor, X, exchange_id

T0 = 1_800_000_000.0
ACTIVE = (LAPTOP.hash, TABLET.hash)


class Play:
    """A desk with a hand on it: sends frames, moves time, keeps who was woken."""

    def __init__(self, active: tuple[Any, ...] = ACTIVE) -> None:
        self.desk = Desk()
        self.now = T0
        self.active = active
        self.woken: Woken = frozenset()

    def send(self, actor: Actor, kind: str, exchange: Any = X, **changes: Any) -> None:
        frame = actor.frame(kind, exchange, **changes)
        if kind == "request":
            asking = Asking(name="Phone", platform="Android", active=self.active)
            self.desk, self.woken = self.desk.request(frame, actor.sender, asking, self.now)
        else:
            self.desk, self.woken = self.desk.take(frame, actor.sender, self.now)

    def refuse(self, why: type[Refused], actor: Actor, kind: str, exchange: Any = X, **changes: Any) -> None:
        before = self.desk
        with pytest.raises(why) as caught:
            self.send(actor, kind, exchange, **changes)
        assert caught.value.exchange == exchange
        assert self.desk is before

    def upto(self, steps: int) -> "Play":
        for actor, kind in STORY[:steps]:
            self.send(actor, kind)
        return self

    def pass_seconds(self, seconds: float) -> None:
        self.now += seconds
        self.desk, self.woken = self.desk.aged(self.now)

    def inbox(self, actor: Actor) -> list[dict[str, Any]]:
        return [json.loads(parcel.text) for _, parcel in self.desk.unsent(actor.hash, {})]

    def kinds(self, actor: Actor) -> list[str]:
        return [
            frame["frame"]["type"] if frame["type"] == "relay" else frame["type"]
            for frame in self.inbox(actor)
        ]

    @property
    def state(self) -> State:
        return self.desk.exchanges[X].state


# What is refused


@pytest.mark.parametrize("kind", ["accept", "reveal", "prove", "deliver", "ack", "cancel"])
def test_a_frame_for_an_unknown_exchange_is_out_of_order(kind: str) -> None:
    Play().refuse(OutOfOrder, LAPTOP, kind)


@pytest.mark.parametrize("steps", range(1, 7))
@pytest.mark.parametrize("kind", ["accept", "reveal", "prove", "deliver", "ack", "cancel"])
def test_a_stranger_of_the_account_can_send_nothing(steps: int, kind: str) -> None:
    Play().upto(steps).refuse(OutOfOrder, STRANGER, kind)


ASKED_MAY = {(LAPTOP, "accept"), (TABLET, "accept"), (LAPTOP, "cancel"), (TABLET, "cancel")}
CANCELS = {(NEW, "cancel"), (LAPTOP, "cancel")}
TAKEN = {
    1: ASKED_MAY | {(NEW, "cancel")},
    2: {(NEW, "reveal")} | CANCELS,
    3: {(NEW, "prove")} | CANCELS,
    4: {(LAPTOP, "deliver")} | CANCELS,
    5: {(NEW, "ack")} | CANCELS,
    6: set(),
}


@pytest.mark.parametrize("steps", TAKEN)
def test_each_step_takes_its_own_frames_from_their_own_senders_only(steps: int) -> None:
    play = Play().upto(steps)
    taken = set()
    for actor in (NEW, LAPTOP, TABLET):
        for kind in ("accept", "reveal", "prove", "deliver", "ack", "cancel"):
            # The space makes it another frame than any that was sent before.
            frame = parse(actor.text(kind, X) + " ")
            with contextlib.suppress(OutOfOrder):
                play.desk.take(frame, actor.sender, play.now)
                taken.add((actor, kind))
    assert taken == TAKEN[steps]


@pytest.mark.parametrize("kind", ["request", "accept"])
@pytest.mark.parametrize("field", ["device", "device_key"])
def test_a_device_or_key_that_is_not_the_tokens_is_a_bad_device(kind: str, field: str) -> None:
    play = Play() if kind == "request" else Play().upto(1)
    actor = NEW if kind == "request" else LAPTOP
    play.refuse(BadDevice, actor, kind, **{field: STRANGER.own()[field]})


@pytest.mark.parametrize("to", [STRANGER, NEW])
def test_a_to_that_is_no_active_device_of_the_account_is_unknown(to: Actor) -> None:
    Play().refuse(UnknownDevice, NEW, "request", to=to.hash)


def test_a_request_that_nobody_can_answer_is_refused() -> None:
    Play(active=()).refuse(UnknownDevice, NEW, "request")


def test_an_active_device_cannot_request() -> None:
    Play().refuse(OutOfOrder, LAPTOP, "request")


@pytest.mark.parametrize(("steps", "kind"), [(1, "accept"), (4, "deliver")])
def test_a_device_that_is_active_no_longer_can_neither_accept_nor_deliver(steps: int, kind: str) -> None:
    Play().upto(steps).refuse(OutOfOrder, Actor("laptop", active=False), kind)


def test_a_second_exchange_of_the_same_device_is_refused_while_one_is_open() -> None:
    Play().upto(1).refuse(ExchangeOpen, NEW, "request", exchange_id("y"))


def test_another_new_device_may_ask_at_the_same_time() -> None:
    play = Play().upto(1)
    play.send(Actor("new watch", active=False), "request", exchange_id("y"))
    assert play.kinds(LAPTOP) == ["offer", "offer"]


@pytest.mark.parametrize("ended_by", ["ack", "cancel", "time"])
def test_an_id_is_not_used_again_after_its_exchange_has_ended(ended_by: str) -> None:
    play = Play().upto(6 if ended_by == "ack" else 1)
    if ended_by == "cancel":
        play.send(NEW, "cancel")
    if ended_by == "time":
        play.pass_seconds(HELD_SECONDS)
    play.refuse(OutOfOrder, NEW, "request", suites="x448")
    play.refuse(OutOfOrder, Actor("new watch", active=False), "request")
    play.pass_seconds(REMEMBERED_SECONDS - HELD_SECONDS - 1)
    play.refuse(OutOfOrder, NEW, "request", suites="x448")


def test_the_sixth_request_of_a_device_within_ten_minutes_is_refused() -> None:
    play = Play()
    for count in range(5):
        play.send(NEW, "request", exchange_id(f"{count}"))
        play.send(NEW, "cancel", exchange_id(f"{count}"))
        play.pass_seconds(60)
    play.refuse(RateLimited, NEW, "request", exchange_id("five"))
    play.pass_seconds(299)
    play.refuse(RateLimited, NEW, "request", exchange_id("five"))
    play.pass_seconds(1)
    play.send(NEW, "request", exchange_id("five"))
    assert play.desk.exchanges[exchange_id("five")].is_open


def test_a_new_login_gives_a_device_no_new_requests() -> None:
    play = Play()
    for count in range(5):
        play.send(NEW, "request", exchange_id(f"{count}"))
        play.send(NEW, "cancel", exchange_id(f"{count}"))
    again = NEW.logged_in_again()
    assert again.hash != NEW.hash
    play.refuse(RateLimited, again, "request", exchange_id("five"))
    play.send(Actor("new watch", active=False), "request", exchange_id("five"))


def test_the_eleventh_request_of_an_account_within_ten_minutes_is_refused() -> None:
    play = Play()
    for count in range(10):
        play.send(Actor(f"new {count}", active=False), "request", exchange_id(f"{count}"))
    play.refuse(RateLimited, NEW, "request", exchange_id("ten"))


@pytest.mark.parametrize("kind", ["request", "deliver"])
def test_a_frame_that_exceeds_64_kib_together_with_what_the_server_puts_around_it_is_a_bad_frame(
    kind: str,
) -> None:
    steps = 0 if kind == "request" else 4
    actor, addressee = (NEW, LAPTOP) if kind == "request" else (LAPTOP, NEW)

    def padded(play: Play, size: int) -> None:
        frame = parse(actor.text(kind, X).ljust(size))
        if kind == "request":
            asking = Asking(name="Phone", platform="Android", active=ACTIVE)
            play.desk, _ = play.desk.request(frame, actor.sender, asking, play.now)
        else:
            play.desk, _ = play.desk.take(frame, actor.sender, play.now)

    def sent(play: Play) -> str:
        return play.desk.unsent(addressee.hash, {})[-1][1].text

    small = Play().upto(steps)
    padded(small, 4096)
    room = MAX_FRAME_BYTES - (len(sent(small)) - 4096)
    largest, larger = Play().upto(steps), Play().upto(steps)
    padded(largest, room)
    assert len(sent(largest)) == MAX_FRAME_BYTES
    before = larger.desk
    with pytest.raises(BadFrame) as caught:
        padded(larger, room + 1)
    assert caught.value.exchange == X
    assert larger.desk is before


def test_refused_requests_do_not_count() -> None:
    play = Play()
    for count in range(20):
        play.refuse(UnknownDevice, NEW, "request", exchange_id(f"{count}"), to=STRANGER.hash)
    play.send(NEW, "request")
    assert play.state is State.OFFERED


# What is dropped in silence


@pytest.mark.parametrize("steps", range(1, 7))
def test_a_byte_identical_repeat_of_a_senders_last_frame_changes_nothing(steps: int) -> None:
    play = Play().upto(steps)
    before = play.desk
    play.send(*STORY[steps - 1])
    assert play.desk is before


@pytest.mark.parametrize("steps", range(1, 7))
def test_a_repeat_wakes_whom_something_waits_for_since_the_first_wake_up_may_be_lost(steps: int) -> None:
    play = Play().upto(steps)
    first = play.woken
    play.send(*STORY[steps - 1])
    assert first <= play.woken
    assert all(play.desk.unsent(device, {}) for device in play.woken)


def test_a_repeat_after_the_end_is_still_dropped_in_silence() -> None:
    play = Play().upto(1)
    play.send(NEW, "cancel")
    before = play.desk
    play.send(NEW, "cancel")
    assert play.desk is before


def test_a_frame_that_differs_by_a_space_is_no_repeat() -> None:
    play = Play().upto(3)
    frame = parse(NEW.text("reveal", X) + " ")
    with pytest.raises(OutOfOrder):
        play.desk.take(frame, NEW.sender, play.now)


def test_an_earlier_frame_that_is_no_longer_the_last_is_out_of_order() -> None:
    Play().upto(4).refuse(OutOfOrder, NEW, "reveal")


def test_a_repeat_of_a_refused_frame_is_refused_again() -> None:
    play = Play().upto(1)
    play.refuse(OutOfOrder, LAPTOP, "deliver")
    play.refuse(OutOfOrder, LAPTOP, "deliver")


# What reaches whom


def test_the_whole_story_reaches_both_in_order_and_as_sent() -> None:
    play = Play().upto(5)
    assert play.kinds(LAPTOP) == ["offer", "reveal", "prove"]
    assert play.kinds(NEW) == ["accept", "deliver"]
    for other, relays in ((NEW, play.inbox(LAPTOP)[1:]), (LAPTOP, play.inbox(NEW))):
        for seq, relay in enumerate(relays, 1):
            kind = relay["frame"]["type"]
            assert relay == {
                "type": "relay",
                "exchange": X,
                "seq": seq,
                "from": other.hash,
                "frame": other.fields(kind, X),
            }


def test_an_offer_names_the_new_device_and_ends_with_the_two_minutes() -> None:
    play = Play().upto(1)
    (offer,) = play.inbox(TABLET)
    assert offer == {
        "type": "offer",
        "exchange": X,
        "from": NEW.hash,
        "name": "Phone",
        "platform": "Android",
        "expires_at": "2027-01-15T08:02:00.000Z",
        "frame": NEW.fields("request", X),
    }
    assert play.woken == {LAPTOP.hash, TABLET.hash}


def test_a_request_to_one_device_is_offered_to_that_one_alone() -> None:
    play = Play()
    play.send(NEW, "request", to=TABLET.hash)
    assert play.woken == {TABLET.hash}
    assert play.inbox(LAPTOP) == []
    play.refuse(OutOfOrder, LAPTOP, "accept")


def test_the_first_accept_wins_and_the_others_are_withdrawn() -> None:
    play = Play().upto(2)
    assert play.inbox(TABLET) == [{"type": "withdrawn", "exchange": X}]
    assert play.woken == {NEW.hash, TABLET.hash}
    play.refuse(OutOfOrder, TABLET, "accept")
    play.refuse(OutOfOrder, TABLET, "cancel")
    assert play.kinds(NEW) == ["accept"]


@pytest.mark.parametrize("steps", range(2, 6))
def test_the_accepting_device_is_sent_its_offer_again_until_the_end(steps: int) -> None:
    offer = Play().upto(1).inbox(LAPTOP)[0]
    play = Play().upto(steps)
    assert play.inbox(LAPTOP)[0] == offer
    assert "offer" not in play.kinds(TABLET)
    play.send(NEW, "cancel")
    assert play.kinds(LAPTOP) == ["cancel"]


def test_one_asked_devices_cancel_ends_its_own_offer_only() -> None:
    play = Play().upto(1)
    play.send(TABLET, "cancel", reason="declined")
    assert play.state is State.OFFERED
    assert play.inbox(TABLET) == []
    assert play.inbox(NEW) == []
    play.refuse(OutOfOrder, TABLET, "accept")
    play.send(LAPTOP, "accept")
    assert play.kinds(NEW) == ["accept"]
    assert play.inbox(TABLET) == []


def test_the_last_asked_devices_cancel_ends_the_exchange() -> None:
    play = Play().upto(1)
    play.send(TABLET, "cancel", reason="declined")
    play.send(LAPTOP, "cancel", reason="declined")
    assert play.state is State.CANCELLED
    (relay,) = play.inbox(NEW)
    assert (relay["seq"], relay["from"], relay["frame"]["reason"]) == (1, LAPTOP.hash, "declined")


def test_the_new_devices_cancel_goes_to_all_asked() -> None:
    play = Play().upto(1)
    play.send(NEW, "cancel")
    assert play.woken == {LAPTOP.hash, TABLET.hash}
    assert play.kinds(LAPTOP) == play.kinds(TABLET) == ["cancel"]


@pytest.mark.parametrize("steps", range(2, 6))
@pytest.mark.parametrize(("by", "to"), [(NEW, LAPTOP), (LAPTOP, NEW)])
def test_a_cancel_after_the_accept_reaches_the_other_alone(steps: int, by: Actor, to: Actor) -> None:
    play = Play().upto(steps)
    expected_seq = 1 + len([None for actor, _ in STORY[1:steps] if actor is by])
    play.send(by, "cancel")
    assert play.state is State.CANCELLED
    (relay,) = play.inbox(to)
    assert (relay["seq"], relay["frame"]["type"]) == (expected_seq, "cancel")
    assert play.inbox(by) == []
    assert play.woken == {to.hash}


# What is kept, and how long


def test_at_the_end_nothing_is_kept_but_the_ack() -> None:
    play = Play().upto(6)
    assert play.state is State.COMPLETED
    assert play.kinds(LAPTOP) == ["ack"]
    assert play.inbox(NEW) == []
    assert play.kinds(TABLET) == ["withdrawn"]


def test_an_ack_is_dropped_once_it_was_handed_over() -> None:
    play = Play().upto(6)
    ((exchange, ack),) = play.desk.unsent(LAPTOP.hash, {})
    play.desk = play.desk.handed_over(LAPTOP.hash, {exchange: ack.serial})
    assert play.inbox(LAPTOP) == []


def test_what_was_put_there_after_the_handing_over_is_kept() -> None:
    play = Play().upto(6)
    ((exchange, ack),) = play.desk.unsent(LAPTOP.hash, {})
    play.desk = play.desk.handed_over(LAPTOP.hash, {exchange: ack.serial - 1})
    assert play.kinds(LAPTOP) == ["ack"]


def test_relayed_frames_of_an_open_exchange_are_kept_after_handing_over() -> None:
    play = Play().upto(4)
    play.desk = play.desk.handed_over(LAPTOP.hash, {X: 99})
    assert play.kinds(LAPTOP) == ["offer", "reveal", "prove"]


@pytest.mark.parametrize("end", ["ack", "cancel"])
def test_ack_and_cancel_are_held_until_the_two_minutes_end_and_no_longer(end: str) -> None:
    play = Play().upto(6 if end == "ack" else 5)
    if end == "cancel":
        play.send(NEW, "cancel")
    play.pass_seconds(HELD_SECONDS - 0.001)
    assert play.kinds(LAPTOP) == [end]
    play.pass_seconds(0.001)
    assert play.inbox(LAPTOP) == []


@pytest.mark.parametrize("steps", range(1, 6))
def test_an_open_exchange_expires_two_minutes_after_its_request(steps: int) -> None:
    play = Play().upto(steps)
    play.pass_seconds(HELD_SECONDS - 0.001)
    assert play.state in ("offered", "accepted", "revealed", "proved", "delivered")
    play.pass_seconds(0.001)
    assert play.state is State.EXPIRED
    parties = (NEW, LAPTOP, TABLET) if steps == 1 else (NEW, LAPTOP)
    for actor in parties:
        assert play.inbox(actor) == [{"type": "expired", "exchange": X}]
    assert play.woken == {actor.hash for actor in parties}
    assert "sealed" not in repr(play.desk.exchanges[X].outbox)


def test_a_frame_that_comes_after_the_two_minutes_is_out_of_order() -> None:
    play = Play().upto(2)
    play.now += HELD_SECONDS
    play.refuse(OutOfOrder, NEW, "reveal")


def test_a_desk_that_nobody_touches_is_empty_in_the_end() -> None:
    play = Play().upto(5)
    play.pass_seconds(REMEMBERED_SECONDS)
    assert play.desk == Desk()


@pytest.mark.parametrize("steps", [1, 3, 6])
def test_aging_is_the_same_in_one_step_and_in_many(steps: int) -> None:
    once, often = Play().upto(steps), Play().upto(steps)
    once.pass_seconds(300)
    for _ in range(300):
        often.pass_seconds(1)
    assert once.desk == often.desk


# When a device ends


@pytest.mark.parametrize("steps", range(1, 6))
def test_the_new_devices_end_takes_its_exchange_from_every_other_party(steps: int) -> None:
    play = Play().upto(steps)
    play.desk, woken = play.desk.without(NEW.hash, play.now)
    assert play.state is State.WITHDRAWN
    assert play.inbox(LAPTOP) == [{"type": "withdrawn", "exchange": X}]
    assert play.inbox(NEW) == []
    assert woken == ({LAPTOP.hash, TABLET.hash} if steps == 1 else {LAPTOP.hash})


@pytest.mark.parametrize("steps", range(2, 6))
def test_the_accepting_devices_end_takes_the_exchange_from_the_new_one(steps: int) -> None:
    play = Play().upto(steps)
    play.desk, woken = play.desk.without(LAPTOP.hash, play.now)
    assert play.state is State.WITHDRAWN
    assert play.inbox(NEW) == [{"type": "withdrawn", "exchange": X}]
    assert woken == {NEW.hash}


def test_an_asked_devices_end_is_the_end_of_its_own_offer_and_the_lasts_of_the_exchange() -> None:
    play = Play().upto(1)
    states = []
    for actor, news in ((TABLET, set()), (LAPTOP, {NEW.hash})):
        play.desk, woken = play.desk.without(actor.hash, play.now)
        states.append(play.state)
        assert woken == news
        play.refuse(OutOfOrder, actor, "accept")
    assert states == [State.OFFERED, State.WITHDRAWN]


def test_a_strangers_end_changes_nothing() -> None:
    play = Play().upto(3)
    assert play.desk.without(STRANGER.hash, play.now) == (play.desk, frozenset())


def test_nothing_that_is_relayed_shows_in_a_repr() -> None:
    assert "sealed" not in repr(Play().upto(5).desk)
