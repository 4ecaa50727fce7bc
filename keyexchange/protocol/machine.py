"""One exchange as a table: (state, event) → (state, effects). What is not listed changes nothing.

`docs/exchange-states.md` is drawn from this table by `diagram.py`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from keyexchange.protocol.refusals import OutOfOrder


class State(StrEnum):
    UNKNOWN = "unknown"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    REVEALED = "revealed"
    PROVED = "proved"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Event(StrEnum):
    """What may happen, and by whom. N is the new device, E the one whose accept was taken."""

    REQUEST = "N request"
    ACCEPT = "E accept"
    REVEAL = "N reveal"
    PROVE = "N prove"
    DELIVER = "E deliver"
    ACK = "N ack"
    DECLINE = "one asked device cancels or ends, others remain"
    LAST_DECLINE = "the last asked device cancels"
    CANCEL_BY_NEW = "N cancel"
    CANCEL_BY_PEER = "E cancel"
    EXPIRE = "120 s since the request"
    PARTY_ENDED = "a device that it cannot go on without has ended"


class Effect(StrEnum):
    """What follows, in the order listed. "Asked" are the devices whose offer stands."""

    OFFER_TO_ASKED = "offer to every asked device"
    RELAY_TO_NEW = "relay to N"
    RELAY_TO_PEER = "relay to E"
    RELAY_TO_ASKED = "relay to every asked device"
    WITHDRAW_FROM_OTHERS = "withdrawn to the other asked devices"
    END_OWN_OFFER = "drop that device's offer"
    DROP_PAYLOADS = "drop what was relayed, but ack and cancel not yet handed over"
    TELL_EXPIRED = "expired to every party"
    TELL_WITHDRAWN = "withdrawn to every other party"


class Transition(NamedTuple):
    state: State
    effects: tuple[Effect, ...]


OPEN = (State.OFFERED, State.ACCEPTED, State.REVEALED, State.PROVED, State.DELIVERED)
PAIRED = OPEN[1:]

TABLE: Mapping[tuple[State, Event], Transition] = {
    (State.UNKNOWN, Event.REQUEST): Transition(State.OFFERED, (Effect.OFFER_TO_ASKED,)),
    (State.OFFERED, Event.ACCEPT): Transition(
        State.ACCEPTED, (Effect.RELAY_TO_NEW, Effect.WITHDRAW_FROM_OTHERS)
    ),
    (State.ACCEPTED, Event.REVEAL): Transition(State.REVEALED, (Effect.RELAY_TO_PEER,)),
    (State.REVEALED, Event.PROVE): Transition(State.PROVED, (Effect.RELAY_TO_PEER,)),
    (State.PROVED, Event.DELIVER): Transition(State.DELIVERED, (Effect.RELAY_TO_NEW,)),
    (State.DELIVERED, Event.ACK): Transition(State.COMPLETED, (Effect.RELAY_TO_PEER, Effect.DROP_PAYLOADS)),
    (State.OFFERED, Event.DECLINE): Transition(State.OFFERED, (Effect.END_OWN_OFFER,)),
    (State.OFFERED, Event.LAST_DECLINE): Transition(
        State.CANCELLED, (Effect.RELAY_TO_NEW, Effect.DROP_PAYLOADS)
    ),
    (State.OFFERED, Event.CANCEL_BY_NEW): Transition(
        State.CANCELLED, (Effect.RELAY_TO_ASKED, Effect.DROP_PAYLOADS)
    ),
    **{
        (state, Event.CANCEL_BY_NEW): Transition(
            State.CANCELLED, (Effect.RELAY_TO_PEER, Effect.DROP_PAYLOADS)
        )
        for state in PAIRED
    },
    **{
        (state, Event.CANCEL_BY_PEER): Transition(
            State.CANCELLED, (Effect.RELAY_TO_NEW, Effect.DROP_PAYLOADS)
        )
        for state in PAIRED
    },
    **{
        (state, Event.EXPIRE): Transition(State.EXPIRED, (Effect.TELL_EXPIRED, Effect.DROP_PAYLOADS))
        for state in OPEN
    },
    **{
        (state, Event.PARTY_ENDED): Transition(State.WITHDRAWN, (Effect.TELL_WITHDRAWN, Effect.DROP_PAYLOADS))
        for state in OPEN
    },
}


def step(state: State, event: Event) -> Transition:
    """The row for this pair. Raises OutOfOrder where there is none."""
    try:
        return TABLE[state, event]
    except KeyError:
        raise OutOfOrder from None
