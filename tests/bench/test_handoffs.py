"""The handoffs that `make bench` measures with are whole ones: the server's rules take every frame."""

import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.handoff import EXISTING, FRAMES_A_HANDOFF, NEW, Pair, Party, Turn, handoff
from client.protocol.device_hash import device_hash
from client.protocol.encoding import b64url
from devices.protocol.device_hash import DeviceHash
from keyexchange.protocol.desk import Asking, Desk
from keyexchange.protocol.exchange import Sender
from keyexchange.protocol.frames import parse
from keyexchange.protocol.machine import State
from keyexchange.protocol.refusals import OutOfOrder

ORIGIN, ACCOUNT = "http://bench.localhost", "bench@bench.localhost"


def party() -> Party:
    key, challenge = Ed25519PrivateKey.generate(), secrets.token_bytes(32)
    public = key.public_key().public_bytes_raw()
    return Party(device_hash(ACCOUNT, public, challenge), key, public, challenge, token="")


@pytest.fixture
def pair() -> Pair:
    return Pair(ACCOUNT, "A" * 40, new=party(), existing=party())


def play(pair: Pair, turns: tuple[Turn, ...]) -> tuple[Desk, int]:
    """A desk that has taken these turns, and how many parcels it put out for whom they were meant."""
    senders = {
        NEW: Sender(DeviceHash(pair.new.device), b64url(pair.new.public_key), active=False),
        EXISTING: Sender(DeviceHash(pair.existing.device), b64url(pair.existing.public_key), active=True),
    }
    asking = Asking("new", "bench", active=[senders[EXISTING].device])
    desk, meant = Desk(), 0
    for speaker, frames in turns:
        for text in frames:
            frame = parse(text)
            if frame.type == "request":
                desk, woken = desk.request(frame, senders[speaker], asking, now=0.0)
            else:
                desk, woken = desk.take(frame, senders[speaker], now=0.0)
            meant += woken == {senders[1 - speaker].device}
    return desk, meant


def test_a_turn_left_out_would_be_noticed(pair: Pair) -> None:
    turns = handoff(pair, origin=ORIGIN)

    with pytest.raises(OutOfOrder):
        play(pair, turns[:1] + turns[2:])


def test_every_frame_is_taken_and_goes_to_the_other_device(pair: Pair) -> None:
    desk, meant = play(pair, handoff(pair, origin=ORIGIN))

    [exchange] = desk.exchanges.values()
    assert exchange.state is State.COMPLETED
    assert meant == FRAMES_A_HANDOFF


def test_no_two_handoffs_of_a_pair_are_the_same_exchange(pair: Pair) -> None:
    first, second = (handoff(pair, origin=ORIGIN)[0][1][0] for _ in range(2))

    assert parse(first).exchange != parse(second).exchange
