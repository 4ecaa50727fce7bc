"""The table, row by row, and everything that is not in it."""

import itertools
from pathlib import Path

import pytest

from keyexchange.protocol.diagram import page
from keyexchange.protocol.machine import OPEN, TABLE, Effect, Event, State, step
from keyexchange.protocol.refusals import OutOfOrder

UNLISTED = [pair for pair in itertools.product(State, Event) if pair not in TABLE]

# The table again, from PROTOCOL §4 and by another hand than the code's comprehension.
ROWS = {
    "unknown": {"N request": "offered"},
    "offered": {
        "E accept": "accepted",
        "one asked device cancels or ends, others remain": "offered",
        "the last asked device cancels": "cancelled",
        "N cancel": "cancelled",
        "120 s since the request": "expired",
        "a device that it cannot go on without has ended": "withdrawn",
    },
    "accepted": {
        "N reveal": "revealed",
        "N cancel": "cancelled",
        "E cancel": "cancelled",
        "120 s since the request": "expired",
        "a device that it cannot go on without has ended": "withdrawn",
    },
    "revealed": {
        "N prove": "proved",
        "N cancel": "cancelled",
        "E cancel": "cancelled",
        "120 s since the request": "expired",
        "a device that it cannot go on without has ended": "withdrawn",
    },
    "proved": {
        "E deliver": "delivered",
        "N cancel": "cancelled",
        "E cancel": "cancelled",
        "120 s since the request": "expired",
        "a device that it cannot go on without has ended": "withdrawn",
    },
    "delivered": {
        "N ack": "completed",
        "N cancel": "cancelled",
        "E cancel": "cancelled",
        "120 s since the request": "expired",
        "a device that it cannot go on without has ended": "withdrawn",
    },
}


@pytest.mark.parametrize(("state", "event"), UNLISTED)
def test_a_pair_that_is_not_listed_is_out_of_order(state: State, event: Event) -> None:
    with pytest.raises(OutOfOrder):
        step(state, event)


def test_the_table_is_the_one_of_the_protocol() -> None:
    listed: dict[str, dict[str, str]] = {}
    for (state, event), (target, _) in TABLE.items():
        listed.setdefault(state.value, {})[event.value] = target.value
    assert listed == ROWS


@pytest.mark.parametrize(("state", "event"), TABLE)
def test_every_end_drops_what_was_relayed_and_nothing_else_does(state: State, event: Event) -> None:
    target, effects = step(state, event)
    assert (Effect.DROP_PAYLOADS in effects) == (target not in OPEN)


@pytest.mark.parametrize("state", [state for state in State if state not in OPEN and state != State.UNKNOWN])
def test_an_ended_exchange_takes_no_event(state: State) -> None:
    assert not [event for listed, event in TABLE if listed is state]


def test_the_committed_drawing_is_what_the_table_gives() -> None:
    drawing = Path(__file__).parents[2] / "docs" / "exchange-states.md"
    assert drawing.read_text() == page()
