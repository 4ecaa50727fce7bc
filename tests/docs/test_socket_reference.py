"""The reference of the socket's frames says what the code takes and sends, no more and no less."""

import inspect
import json

import pytest

from hvx import socket_reference
from hvx.socket_reference import CLIENT_FRAMES, SERVER_FRAMES, FrameReference
from keyexchange.protocol import server_frames
from keyexchange.protocol.frames import OPTIONAL, SHAPES, parse
from keyexchange.protocol.machine import TABLE
from keyexchange.protocol.refusals import BadFrame, Refused

ENVELOPE = {"type", "exchange"}


def named(frame: FrameReference) -> str:
    return frame.type


@pytest.mark.parametrize("frame", CLIENT_FRAMES, ids=named)
def test_an_example_without_one_of_its_described_fields_is_refused(frame: FrameReference) -> None:
    example = json.loads(frame.example)
    for field in {field.name for field in frame.fields} - OPTIONAL:
        with pytest.raises(BadFrame):
            parse(json.dumps({name: value for name, value in example.items() if name != field}))


@pytest.mark.parametrize("frame", CLIENT_FRAMES, ids=named)
def test_every_example_that_a_client_sends_is_a_good_frame(frame: FrameReference) -> None:
    assert parse(frame.example).type == frame.type
    assert json.loads(frame.example).keys() - ENVELOPE <= {field.name for field in frame.fields}


def test_every_frame_and_field_that_the_server_takes_is_described() -> None:
    described = {frame.type: {field.name for field in frame.fields} for frame in CLIENT_FRAMES}
    assert described == {kind: set(shape) for kind, shape in SHAPES.items()}


def test_every_frame_that_the_server_sends_is_described() -> None:
    senders = {
        name
        for name, function in inspect.getmembers(server_frames, inspect.isfunction)
        if function.__module__ == server_frames.__name__ and name != "rfc3339"
    }
    assert {frame.type for frame in SERVER_FRAMES} == senders


@pytest.mark.parametrize("frame", SERVER_FRAMES, ids=named)
def test_the_fields_of_a_server_frame_are_those_that_it_is_made_with(frame: FrameReference) -> None:
    example = json.loads(frame.example)
    assert example.pop("type") == frame.type
    assert set(example) == {field.name for field in frame.fields}


def test_every_refusal_of_a_frame_has_its_sentence() -> None:
    assert {refusal.code for refusal in Refused.__subclasses__()} <= set(socket_reference.ERRORS)


def test_the_shown_table_has_every_row_of_the_machine() -> None:
    shown = {
        (state, row.event, row.target, row.effects)
        for row in socket_reference.states()
        for state in row.states.split(", ")
    }
    assert shown == {
        (str(state), str(event), str(target), "; ".join(effects))
        for (state, event), (target, effects) in TABLE.items()
    }
